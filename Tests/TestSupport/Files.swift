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
}

/// Copies the tree at `source` to `target`, with the times of its files.
package func copyTree(_ source: FilePath, to target: FilePath) throws {
  try makeDirectories(target.removingLastComponent())
  try FileManager.default.copyItem(atPath: source.string, toPath: target.string)
}
