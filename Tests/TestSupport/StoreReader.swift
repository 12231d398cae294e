import Foundation
import Kernel
import SystemPackage

/// Reads a store as anybody would: refs, snapshots, blobs.
package struct StoreReader: Sendable {
  package let root: FilePath

  package init(root: FilePath) {
    self.root = root
  }

  /// A commit's files by name.
  package typealias Files = [String: [UInt8]]

  package func head(_ repo: String) throws -> String {
    try text(folder(repo).appending("refs/main"))
  }

  package func files(_ repo: String, at commit: String) throws -> Files {
    let snapshot = folder(repo).appending("snapshots").appending(commit)
    return try Dictionary(
      uniqueKeysWithValues: names(in: snapshot).map { ($0.string, try contents(snapshot.appending($0))) })
  }

  /// Every commit there ever was: nothing in the store deletes one.
  package func commits(_ repo: String) throws -> [Files] {
    try names(in: folder(repo).appending("snapshots")).map { try files(repo, at: $0.string) }
  }

  package func repos() -> [String] {
    ((try? names(in: root)) ?? []).compactMap { name -> String? in
      guard name.string.hasPrefix("models--") else { return nil }
      return String(name.string.dropFirst("models--".count)).replacing("--", with: "/")
    }
  }

  private func folder(_ repo: String) -> FilePath {
    root.appending("models--" + repo.replacing("/", with: "--"))
  }
}
