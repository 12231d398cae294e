import CLinux
import Glibc
import SystemPackage

/// A name in a directory, and what stands behind it.
package struct DirectoryEntry: Sendable, Hashable {
  package enum Kind: Sendable { case directory, regularFile, symbolicLink, other }
  /// Bytes, in no particular encoding.
  package let name: [UInt8]
  /// Symbolic links are not followed.
  package let kind: Kind
}

extension ConfinedTree {
  /// Lists the directory at `path`, which is ``root`` or lies below it, as `OwnedDescriptor.forEachEntry(path:_:)` does.
  ///
  /// - Throws: ``SystemError``: `ELOOP` for a way over a symbolic link, else open(2)'s and readdir(3)'s.
  package func listDirectory(_ path: FilePath) throws(SystemError) -> [DirectoryEntry] {
    var entries: [DirectoryEntry] = []
    try openDirectory(path).forEachEntry(path: path) { entries.append($0) }
    return entries
  }
}

extension OwnedDescriptor {
  /// Gives each name in this directory, which was opened for listing, without `.` and `..`, in the file system's order.
  ///
  /// A name that was there all the time comes once; one that came or went meanwhile may come or not, see readdir(3).
  ///
  /// - Parameters:
  ///   - path: For the error only.
  ///   - body: Is given one entry after the other, so that a directory of a million names need not be in memory.
  /// - Throws: ``SystemError`` of readdir(3).
  package borrowing func forEachEntry(path: FilePath, _ body: (DirectoryEntry) -> Void) throws(SystemError) {
    let copy: CInt
    let raw = self.raw
    do throws(Errno) {
      copy = try retryingInterrupts { fcntl(raw, F_DUPFD_CLOEXEC, 0) }
    } catch {
      throw SystemError("list", path, error)
    }
    guard let stream = fdopendir(copy) else {
      let saved = Errno(rawValue: errno)
      close(copy)
      throw SystemError("list", path, saved)
    }
    defer { closedir(stream) }  // which closes the copy too
    while true {
      errno = 0
      guard let record = readdir(stream) else {
        let saved = Errno(rawValue: errno)
        if saved.rawValue != 0 { throw SystemError("list", path, saved) }
        return
      }
      let name = withUnsafeBytes(of: &record.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      if name == [UInt8(ascii: ".")] || name == [UInt8(ascii: "."), UInt8(ascii: ".")] { continue }
      let type = Int(record.pointee.d_type)
      guard let kind = type == Int(DT_UNKNOWN) ? DirectoryEntry.Kind(of: name, in: copy) : .init(type: type) else {
        continue
      }
      body(DirectoryEntry(name: name, kind: kind))
    }
  }
}

extension DirectoryEntry.Kind {
  fileprivate init(type: Int) {
    switch type {
    case Int(DT_DIR): self = .directory
    case Int(DT_REG): self = .regularFile
    case Int(DT_LNK): self = .symbolicLink
    default: self = .other
    }
  }

  /// Asks the inode, for file systems whose directories do not say the type. `nil` if the name is gone.
  fileprivate init?(of name: [UInt8], in directory: CInt) {
    var status = stat()
    let result = FilePath(bytes: name).withPlatformString { fstatat(directory, $0, &status, AT_SYMLINK_NOFOLLOW) }
    guard result == 0 else { return nil }
    let identity = FileIdentity(status)
    if identity.isDirectory {
      self = .directory
    } else if identity.isRegularFile {
      self = .regularFile
    } else {
      self = identity.isSymbolicLink ? .symbolicLink : .other
    }
  }
}
