import Foundation
import Kernel
import SystemPackage
import TestSupport

/// Reads a store as anybody would: refs, snapshots, blobs.
struct StoreReader {
  let root: FilePath

  /// A commit's files by name.
  typealias Files = [String: [UInt8]]

  func head(_ repo: String) throws -> String {
    try text(folder(repo).appending("refs/main"))
  }

  func files(_ repo: String, at commit: String) throws -> Files {
    let snapshot = folder(repo).appending("snapshots").appending(commit)
    return try Dictionary(
      uniqueKeysWithValues: names(in: snapshot).map { ($0.string, try contents(snapshot.appending($0))) })
  }

  /// Every commit there ever was: nothing in the store deletes one.
  func commits(_ repo: String) throws -> [Files] {
    try names(in: folder(repo).appending("snapshots")).map { try files(repo, at: $0.string) }
  }

  func repos() -> [String] {
    ((try? names(in: root)) ?? []).compactMap { name -> String? in
      guard name.string.hasPrefix("models--") else { return nil }
      return String(name.string.dropFirst("models--".count)).replacing("--", with: "/")
    }
  }

  private func folder(_ repo: String) -> FilePath {
    root.appending("models--" + repo.replacing("/", with: "--"))
  }
}
