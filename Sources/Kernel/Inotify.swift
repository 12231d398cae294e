import CLinux
import Glibc
import SystemPackage

/// One event of inotify(7).
package struct InotifyEvent: Sendable, Equatable {
  /// The watch that it came from; −1 for a queue overflow.
  package let watch: CInt
  package let mask: InotifyMask
  /// The name in the watched directory, as bytes; empty for the watched thing itself.
  package let name: [UInt8]
}

/// The `IN_…` bits of inotify(7): what to report, how to watch, and what came.
package struct InotifyMask: OptionSet, Sendable, Hashable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }
  private init(_ bits: some BinaryInteger) { rawValue = UInt32(truncatingIfNeeded: bits) }

  package static let attributes = InotifyMask(IN_ATTRIB)
  package static let closeWrite = InotifyMask(IN_CLOSE_WRITE)
  package static let create = InotifyMask(IN_CREATE)
  package static let delete = InotifyMask(IN_DELETE)
  package static let deleteSelf = InotifyMask(IN_DELETE_SELF)
  package static let movedFrom = InotifyMask(IN_MOVED_FROM)
  package static let movedTo = InotifyMask(IN_MOVED_TO)
  package static let moveSelf = InotifyMask(IN_MOVE_SELF)

  /// Fails with `ENOTDIR` for anything but a directory.
  package static let onlyDirectory = InotifyMask(IN_ONLYDIR)
  /// Watches a symbolic link itself.
  package static let dontFollow = InotifyMask(IN_DONT_FOLLOW)
  /// Nothing more is reported of files that are unlinked and still open.
  package static let excludeUnlinked = InotifyMask(IN_EXCL_UNLINK)

  /// The watch is gone: removed, or its file deleted or unmounted.
  package static let ignored = InotifyMask(IN_IGNORED)
  /// The name is that of a directory.
  package static let isDirectory = InotifyMask(IN_ISDIR)
  /// Events were dropped because nobody read them in time.
  package static let queueOverflow = InotifyMask(IN_Q_OVERFLOW)
  package static let unmount = InotifyMask(IN_UNMOUNT)
}

/// An inotify(7) instance, closed with all its watches when the last reference to it goes.
package final class Inotify: Sendable {
  private let descriptor: OwnedDescriptor
  /// Holds some 2,000 events of usual names, so that a storm costs few calls.
  package static let bufferSize = 64 * 1024

  /// - Throws: ``SystemError`` of inotify_init1(2): `EMFILE` when `fs.inotify.max_user_instances` is reached.
  package init() throws(SystemError) {
    do throws(Errno) {
      descriptor = OwnedDescriptor(
        owning: try retryingInterrupts { inotify_init1(CInt(IN_CLOEXEC) | CInt(IN_NONBLOCK)) })
    } catch {
      throw SystemError("inotify_init1", nil, error)
    }
  }

  /// What to wait for with ``waitForInput(_:timeout:)``.
  package var raw: CInt { descriptor.raw }

  /// Watches what is at `path`; what is watched already keeps its number and takes the new mask.
  ///
  /// - Returns: the number of the watch. It belongs to the inode, not to the path.
  /// - Throws: ``SystemError`` of inotify_add_watch(2): `ENOSPC` when `fs.inotify.max_user_watches` is reached.
  package func watch(_ path: FilePath, for mask: InotifyMask) throws(SystemError) -> CInt {
    do throws(Errno) {
      return try retryingInterrupts { path.withPlatformString { inotify_add_watch(raw, $0, mask.rawValue) } }
    } catch {
      throw SystemError("inotify_add_watch", path, error)
    }
  }

  /// Ends a watch. One that has ended by itself already is no error: its `ignored` event is on its way.
  package func remove(_ watch: CInt) {
    _ = inotify_rm_watch(raw, watch)
  }

  /// How many bytes of events are in the queue now, see inotify(7).
  ///
  /// - Throws: ``SystemError`` of ioctl(2).
  package func queued() throws(SystemError) -> Int {
    var count: CInt = 0
    do throws(Errno) {
      _ = try retryingInterrupts { clinux_bytes_to_read(raw, &count) }
    } catch {
      throw SystemError("ioctl inotify", nil, error)
    }
    return Int(count)
  }

  /// Takes what is in the queue; nothing when the queue is empty. Never blocks.
  ///
  /// - Parameter capacity: How many bytes of events are taken at most.
  /// - Throws: ``SystemError`` of read(2).
  package func read(capacity: Int = bufferSize) throws(SystemError) -> [InotifyEvent] {
    let raw = self.raw
    var failure: Errno?
    let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
      do throws(Errno) {
        count = try retryingInterrupts { Glibc.read(raw, buffer.baseAddress, buffer.count) }
      } catch {
        failure = error
      }
    }
    if let failure {
      if failure == .resourceTemporarilyUnavailable { return [] }
      throw SystemError("read inotify", nil, failure)
    }
    return bytes.withUnsafeBytes(Self.decode)
  }

  /// The records of inotify(7): wd, mask, cookie, the length of the name with its padding of nulls, the name.
  private static func decode(_ bytes: UnsafeRawBufferPointer) -> [InotifyEvent] {
    let headerSize = MemoryLayout<inotify_event>.size
    var events: [InotifyEvent] = []
    var offset = 0
    while offset + headerSize <= bytes.count {
      let length = Int(bytes.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
      let start = offset + headerSize
      guard start + length <= bytes.count else { break }
      events.append(
        InotifyEvent(
          watch: bytes.loadUnaligned(fromByteOffset: offset, as: CInt.self),
          mask: InotifyMask(rawValue: bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)),
          name: Array(bytes[start..<start + length].prefix { $0 != 0 })))
      offset = start + length
    }
    return events
  }
}
