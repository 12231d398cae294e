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
  /// Lists the directory at `path`, which is ``root`` or lies below it, without `.` and `..`, in the file system's order.
  ///
  /// A name that was there all the time is in it once; one that came or went meanwhile may be in it or not, see
  /// readdir(3).
  ///
  /// - Throws: ``SystemError``: `ELOOP` for a way over a symbolic link, else open(2)'s and readdir(3)'s.
  package func listDirectory(_ path: FilePath) throws(SystemError) -> [DirectoryEntry] {
    let directory = try openDirectory(path)
    let copy: CInt
    do throws(Errno) {
      copy = try retryingInterrupts { fcntl(directory.raw, F_DUPFD_CLOEXEC, 0) }
    } catch {
      throw SystemError("list", path, error)
    }
    guard let stream = fdopendir(copy) else {
      let saved = Errno(rawValue: errno)
      close(copy)
      throw SystemError("list", path, saved)
    }
    defer { closedir(stream) }  // which closes the copy too
    var entries: [DirectoryEntry] = []
    while true {
      errno = 0
      guard let record = readdir(stream) else {
        let saved = Errno(rawValue: errno)
        if saved.rawValue != 0 { throw SystemError("list", path, saved) }
        return entries
      }
      let name = withUnsafeBytes(of: &record.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      if name == [UInt8(ascii: ".")] || name == [UInt8(ascii: "."), UInt8(ascii: ".")] { continue }
      let type = Int(record.pointee.d_type)
      guard let kind = type == Int(DT_UNKNOWN) ? Self.kind(of: name, in: copy) : Self.kind(ofType: type) else {
        continue
      }
      entries.append(DirectoryEntry(name: name, kind: kind))
    }
  }

  private static func kind(ofType type: Int) -> DirectoryEntry.Kind {
    switch type {
    case Int(DT_DIR): .directory
    case Int(DT_REG): .regularFile
    case Int(DT_LNK): .symbolicLink
    default: .other
    }
  }

  /// Asks the inode, for file systems whose directories do not say the type. `nil` if the name is gone.
  private static func kind(of name: [UInt8], in directory: CInt) -> DirectoryEntry.Kind? {
    var status = stat()
    let result = FilePath(bytes: name).withPlatformString { fstatat(directory, $0, &status, AT_SYMLINK_NOFOLLOW) }
    guard result == 0 else { return nil }
    let identity = FileIdentity(status)
    if identity.isDirectory { return .directory }
    if identity.isRegularFile { return .regularFile }
    return identity.isSymbolicLink ? .symbolicLink : .other
  }
}
