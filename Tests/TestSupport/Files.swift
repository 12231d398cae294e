import CLinux
import Foundation
import Glibc
import Kernel
import SystemPackage

/// The bytes of the file at `path`.
package func contents(_ path: FilePath) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(filePath: path.string)))
}

/// The text of the file at `path`.
package func text(_ path: FilePath) throws -> String {
  String(decoding: try contents(path), as: UTF8.self)
}

/// Writes `text` to `path`, in place if something is there, and makes the directories above it.
package func write(_ text: String, to path: FilePath) throws {
  try write(Array(text.utf8), to: path)
}

/// Writes `bytes` to `path`, in place if something is there, and makes the directories above it.
package func write(_ bytes: [UInt8], to path: FilePath) throws {
  try makeDirectories(path.removingLastComponent())
  // Not by Foundation, which lets the programs that other tests start inherit the open file.
  let file = try FileDescriptor.open(
    path, .writeOnly, options: [.create, .truncate, .closeOnExec],
    permissions: [.ownerReadWrite, .groupRead, .otherRead])
  try file.closeAfter { _ = try file.writeAll(bytes) }
  try waitForWriters(of: path)
}

/// Waits a moment for whoever has the file at `path` open for writing.
///
/// That this process has closed it is not enough: where another test is just starting a program, the child has it open
/// until its exec. Not for ever, since a test may keep it open itself.
package func waitForWriters(of path: FilePath) throws {
  let tree = try ConfinedTree(at: path.removingLastComponent())
  for _ in 0..<2000 where try tree.openFile(path).writers(path: path) == .some { usleep(1000) }
}

/// Copies the tree at `source` to `target`, with the times and modes of its files.
package func copyTree(_ source: FilePath, to target: FilePath) throws {
  let identity = try FileIdentity(of: source)
  if identity.isDirectory {
    try makeDirectories(target)
    for name in try names(in: source) { try copyTree(source.appending(name), to: target.appending(name)) }
  } else {
    try write(contents(source), to: target)
    let attributes = try FileManager.default.attributesOfItem(atPath: source.string)
    try FileManager.default.setAttributes(
      attributes.filter { $0.key == .posixPermissions }, ofItemAtPath: target.string)
    let time = timespec(
      tv_sec: Int(identity.modified / 1_000_000_000), tv_nsec: Int(identity.modified % 1_000_000_000))
    guard utimensat(AT_FDCWD, target.string, [time, time], 0) == 0 else {
      throw SystemError("utimensat", target, Errno(rawValue: errno))
    }
  }
}
