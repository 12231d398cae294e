import Foundation
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
  try Data(bytes).write(to: URL(filePath: path.string))
  try waitForWriters(of: path)
}

/// Waits a moment for whoever has the file at `path` open for writing.
///
/// That this process has closed it is not enough: where another test is just starting a program, the child has it open
/// until its exec. Not for ever, since a test may keep it open itself.
private func waitForWriters(of path: FilePath) throws {
  let tree = try ConfinedTree(at: path.removingLastComponent())
  for _ in 0..<200 where try tree.openFile(path).writers(path: path) == .some { usleep(1000) }
}

/// Copies the tree at `source` to `target`, with the times of its files.
package func copyTree(_ source: FilePath, to target: FilePath) throws {
  try makeDirectories(target.removingLastComponent())
  try FileManager.default.copyItem(atPath: source.string, toPath: target.string)
  for case let name as String in FileManager.default.enumerator(atPath: target.string) ?? .init() {
    let path = target.appending(name)
    if try FileIdentity(of: path).isRegularFile { try waitForWriters(of: path) }
  }
}
