import Foundation
import NIOHTTP1

extension HubClient {
  /// All files of a revision, in all directories: the way to see what is published without being counted.
  ///
  /// - Throws: ``HubError``.
  package func tree(_ repo: RepoID, revision: String) async throws(HubError) -> [TreeEntry] {
    var entries: [TreeEntry] = []
    var seen: Set<String> = []
    var next: String? = url(repo, "tree", revision) + "?recursive=true&expand=false"
    while let page = next {
      guard seen.insert(page).inserted else {
        throw HubError(.invalidReply, message: "the listing of \(repo) goes round in a circle")
      }
      let reply = try await transport.send(.get(page))
      entries += try reply.decode([TreeItem].self).compactMap(\.entry)
      next = Self.nextPage(reply.headers[canonicalForm: "Link"], from: page).map(transport.endpoint.adopting)
    }
    return entries
  }

  /// Which of `files` are not at `revision` with the content that they should have.
  ///
  /// Nothing else of the tree is looked at: the Hub itself may have added to `.gitattributes`, others may have files.
  ///
  /// - Throws: ``HubError``.
  func missing(_ files: [UploadFile], from repo: RepoID, revision: String) async throws(HubError) -> [String] {
    let tree = try await tree(repo, revision: revision)
    let entries = Dictionary(tree.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
    return files.filter { entries[$0.path]?.holds($0) != true }.map(\.path)
  }

  /// The URL in `<url>; rel="next"`, see RFC 8288.
  static func nextPage(_ links: [Substring], from page: String) -> String? {
    for link in links {
      guard let start = link.firstIndex(of: "<"), let end = link[start...].firstIndex(of: ">") else { continue }
      let parameters = link[end...].dropFirst().split(separator: ";").map {
        $0.trimmingCharacters(in: .whitespaces).replacingOccurrences(of: "\"", with: "").lowercased()
      }
      guard parameters.contains("rel=next") else { continue }
      let target = String(link[link.index(after: start)..<end])
      return URL(string: target, relativeTo: URL(string: page))?.absoluteString
    }
    return nil
  }
}

private struct TreeItem: Decodable {
  struct LFS: Decodable {
    let oid: String
    let size: Int64
  }
  let type: String
  let path: String
  let size: Int64?
  let oid: String?
  let lfs: LFS?

  /// `nil` for a directory.
  var entry: TreeEntry? {
    guard type == "file", let oid else { return nil }
    return TreeEntry(
      path: path, size: lfs?.size ?? size ?? 0, oid: oid, lfs: lfs.map { .init(sha256: $0.oid, size: $0.size) })
  }
}
