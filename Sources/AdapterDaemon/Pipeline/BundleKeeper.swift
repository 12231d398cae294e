import Bundles
import CLinux
import Foundation
import Kernel
import SystemPackage

/// Keeps the newest bundle where the user wants to see it, e.g. `outputs/hf_bundle`, replaced as a whole.
package struct BundleKeeper: Sendable {
  private let directory: FilePath

  package init(at directory: FilePath) {
    self.directory = directory
  }

  private var next: FilePath { FilePath(bytes: directory.bytes + Array(".new".utf8)) }

  /// What it writes to; never to be watched.
  package var paths: [FilePath] { [directory, next] }

  /// Puts a copy of `bundle`'s files in the place of the last one. Blocks.
  ///
  /// - Throws: ``SystemError``.
  package func keep(_ bundle: AdapterBundle) throws(SystemError) {
    try removeTree(next)
    try makeDirectories(next)
    let tree = try ConfinedTree(at: bundle.directory)
    for file in bundle.manifest.files {
      _ = try copy(try tree.openFile(bundle.path(of: file.path)), size: file.size, to: next.appending(file.path))
    }
    do throws(SystemError) {
      try rename(next, to: directory, replacing: false)
    } catch {
      guard error.errno == .fileExists || error.errno == .directoryNotEmpty else { throw error }
      try exchange(next, directory)
      try removeTree(next)
    }
  }
}
