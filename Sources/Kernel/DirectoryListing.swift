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
  /// As the directory has it; that of what is mounted over it is another.
  package let inode: UInt64
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
  /// Gives each name in this directory, which was opened for listing and is read from where it stands, without `.` and
  /// `..`, in the file system's order. See getdents64(2).
  ///
  /// A name that was there all the time comes once; one that came or went meanwhile may come or not.
  ///
  /// - Parameters:
  ///   - path: For the error only.
  ///   - body: Is given one entry after the other, so that a directory of a million names need not be in memory.
  /// - Throws: ``SystemError`` of getdents64(2).
  package borrowing func forEachEntry(path: FilePath, _ body: (DirectoryEntry) -> Void) throws(SystemError) {
    let raw = self.raw
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 32 * 1024, alignment: 8)
    defer { buffer.deallocate() }
    while true {
      let count: CInt
      do throws(Errno) {
        count = try retryingInterrupts { clinux_getdents64(raw, buffer.baseAddress, UInt32(buffer.count)) }
      } catch {
        throw SystemError("list", path, error)
      }
      if count == 0 { return }
      var rest = UnsafeRawBufferPointer(buffer).prefix(Int(count))
      // The record: inode, offset, its length, type, name up to a null.
      while rest.count > 19 {
        let record = UnsafeRawBufferPointer(rebasing: rest)
        let inode = record.loadUnaligned(as: UInt64.self)
        let length = Int(record.loadUnaligned(fromByteOffset: 16, as: UInt16.self))
        let type = record.loadUnaligned(fromByteOffset: 18, as: UInt8.self)
        let name = Array(record[19..<length].prefix { $0 != 0 })
        rest = rest.dropFirst(length)
        if name == [UInt8(ascii: ".")] || name == [UInt8(ascii: "."), UInt8(ascii: ".")] { continue }
        let isKnown = Int(type) != Int(DT_UNKNOWN)
        guard let kind = isKnown ? .init(type: Int(type)) : DirectoryEntry.Kind(of: name, in: raw) else { continue }
        body(DirectoryEntry(name: name, kind: kind, inode: inode))
      }
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
