import CLinux
import Glibc
import SystemPackage

/// A directory tree out of which no open leads: symbolic links are not followed, `..` goes nowhere above it.
///
/// What writes into an outputs directory decides what lies there; it must not decide what else of the machine is
/// read. openat2(2) with `RESOLVE_BENEATH` and `RESOLVE_NO_SYMLINKS` makes the kernel refuse it.
package final class ConfinedTree: Sendable {
  /// Where the tree begins.
  package let root: FilePath
  private let directory: OwnedDescriptor
  /// ``root`` with a slash at its end.
  private let prefix: [UInt8]

  /// - Throws: ``SystemError`` if `root` is no directory that can be opened.
  package init(at root: FilePath) throws(SystemError) {
    self.root = root
    let bytes = root.bytes
    prefix = bytes.last == UInt8(ascii: "/") ? bytes : bytes + [UInt8(ascii: "/")]
    do throws(Errno) {
      directory = OwnedDescriptor(
        owning: try retryingInterrupts { root.withPlatformString { Glibc.open($0, O_PATH | O_DIRECTORY | O_CLOEXEC) } })
    } catch {
      throw SystemError("open", root, error)
    }
  }

  /// Opens the regular file at `path`, which lies below ``root``, for reading. Never blocks on a FIFO, never opens a
  /// device.
  ///
  /// - Throws: ``SystemError``: `ELOOP` for a symbolic link, `EXDEV` for a way out of the tree, `EINVAL` for what is
  ///   no regular file, else open(2)'s.
  package func openFile(_ path: FilePath) throws(SystemError) -> OwnedDescriptor {
    let file = try open(path, flags: O_RDONLY | O_NONBLOCK | O_NOCTTY)
    guard try FileIdentity(of: file, path: path).isRegularFile else {
      throw SystemError("open", path, .invalidArgument)
    }
    return file
  }

  /// Opens the directory at `path`, which is ``root`` or lies below it, for listing.
  ///
  /// - Throws: ``SystemError``: `ELOOP` for a symbolic link, `EXDEV` for a way out of the tree, `ENOTDIR`, else
  ///   open(2)'s.
  package func openDirectory(_ path: FilePath) throws(SystemError) -> OwnedDescriptor {
    try open(path == root ? root.appending(".") : path, flags: O_RDONLY | O_DIRECTORY)
  }

  private func open(_ path: FilePath, flags: CInt) throws(SystemError) -> OwnedDescriptor {
    guard let relative = relative(path) else { throw SystemError("open", path, .improperLink) }
    let flags = UInt64(UInt32(bitPattern: flags | O_CLOEXEC))
    let resolve = UInt64(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)
    let directory = self.directory.raw
    do throws(Errno) {
      return OwnedDescriptor(
        owning: try retryingInterrupts {
          relative.withUnsafeBufferPointer { clinux_openat2(directory, $0.baseAddress, flags, 0, resolve) }
        })
    } catch {
      throw SystemError("open", path, error)
    }
  }

  /// What is left of `path` below ``root``, with a null at its end; `nil` if it does not begin with it. Compares bytes, of
  /// which a path has one spelling only: `removePrefix` would take a hundred times as long, for each file of a big tree.
  private func relative(_ path: FilePath) -> [CChar]? {
    path.withPlatformString { bytes in
      let length = strlen(bytes)
      guard length > prefix.count, memcmp(bytes, prefix, prefix.count) == 0 else { return nil }
      return Array(UnsafeBufferPointer(start: bytes, count: length + 1)[prefix.count...])
    }
  }

  /// Reads the whole file at `path`, for files that are small by their nature.
  ///
  /// - Parameters:
  ///   - path: The file, below ``root``.
  ///   - limit: The most bytes that are read.
  /// - Returns: its bytes, and its identity before and after were equal.
  /// - Throws: ``SystemError``: as ``openFile(_:)``; `EFBIG` if it is longer than `limit`; `EAGAIN` if it was written to
  ///   meanwhile, or somebody has it open for that.
  package func readFile(_ path: FilePath, limit: Int) throws(SystemError) -> (bytes: [UInt8], identity: FileIdentity) {
    let file = try openFile(path)
    let before = try FileIdentity(of: file, path: path)
    guard before.size <= Int64(limit) else { throw SystemError("read", path, .fileTooLarge) }
    let writers = try file.writers(path: path)
    let bytes = try file.read(from: 0, count: Int(before.size), path: path)
    let after = try FileIdentity(of: file, path: path)
    guard writers != .some, bytes.count == Int(before.size), before == after else {
      throw SystemError("read", path, .resourceTemporarilyUnavailable)
    }
    return (bytes, before)
  }
}

extension OwnedDescriptor {
  /// Reads up to `count` bytes at `offset` with pread(2); fewer only at the end of the file.
  ///
  /// - Throws: ``SystemError`` of pread(2); `path` is for the error only.
  package borrowing func read(from offset: Int64, count: Int, path: FilePath) throws(SystemError) -> [UInt8] {
    let raw = self.raw
    var failure: Errno?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count, let base = buffer.baseAddress {
        do throws(Errno) {
          let got = try retryingInterrupts { pread(raw, base + filled, count - filled, off_t(offset) + off_t(filled)) }
          if got == 0 { break }
          filled += got
        } catch {
          failure = error
          break
        }
      }
    }
    if let failure { throw SystemError("read", path, failure) }
    return bytes
  }
}
