import Foundation
import Kernel
import SystemPackage

/// Calls `body` with a new empty directory and removes it with all that is in it, whatever happens.
///
/// Its path has no symbolic link in it, so that paths that the kernel reports can be compared with it.
///
/// - Throws: what `body` throws, or the error of making the directory.
package func withTemporaryDirectory<T>(
  isolation: isolated (any Actor)? = #isolation, _ body: (FilePath) async throws -> T
) async throws -> T {
  let directory = try makeTemporaryDirectory()
  defer { try? removeTree(directory) }
  return try await body(directory)
}

/// A new empty directory; whoever asks for it removes it.
///
/// - Throws: Foundation's error of making it.
package func makeTemporaryDirectory() throws -> FilePath {
  let parent = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
  let directory = parent.appendingPathComponent("adapterd-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
  return FilePath(directory.path)
}
