import CLinux
import Glibc
import SystemPackage

/// What tells one state of a file from another without reading it: fstat(2)'s inode, size and times.
///
/// A write, a truncation or a replacement changes at least one of them; reading changes none.
package struct FileIdentity: Sendable, Hashable, Codable {
  package let device: UInt64
  package let inode: UInt64
  /// Bytes.
  package let size: Int64
  /// Nanoseconds since 1970: when the bytes last changed. The owner can set it.
  package let modified: Int64
  /// Nanoseconds since 1970: when bytes or attributes last changed. Nobody can set it.
  package let changed: Int64
  /// The file type and permission bits, as in `st_mode`.
  package let mode: UInt32

  package var isRegularFile: Bool { mode & UInt32(Glibc.S_IFMT) == UInt32(Glibc.S_IFREG) }
  package var isDirectory: Bool { mode & UInt32(Glibc.S_IFMT) == UInt32(Glibc.S_IFDIR) }
  package var isSymbolicLink: Bool { mode & UInt32(Glibc.S_IFMT) == UInt32(Glibc.S_IFLNK) }

  init(_ status: stat) {
    func nanoseconds(_ time: timespec) -> Int64 { Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec) }
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    size = Int64(status.st_size)
    modified = nanoseconds(status.st_mtim)
    changed = nanoseconds(status.st_ctim)
    mode = status.st_mode
  }

  package init(device: UInt64, inode: UInt64, size: Int64, modified: Int64, changed: Int64, mode: UInt32) {
    self.device = device
    self.inode = inode
    self.size = size
    self.modified = modified
    self.changed = changed
    self.mode = mode
  }

  /// The file at `path`, symbolic links not followed.
  ///
  /// - Throws: ``SystemError`` of lstat(2).
  package init(of path: FilePath) throws(SystemError) {
    var status = stat()
    do throws(Errno) {
      _ = try retryingInterrupts { path.withPlatformString { lstat($0, &status) } }
    } catch {
      throw SystemError("stat", path, error)
    }
    self.init(status)
  }

  /// The open file `descriptor`; `path` is for the error only.
  ///
  /// - Throws: ``SystemError`` of fstat(2).
  package init(of descriptor: borrowing OwnedDescriptor, path: FilePath) throws(SystemError) {
    var status = stat()
    let raw = descriptor.raw
    do throws(Errno) {
      _ = try retryingInterrupts { fstat(raw, &status) }
    } catch {
      throw SystemError("stat", path, error)
    }
    self.init(status)
  }
}
