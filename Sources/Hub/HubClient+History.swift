import NIOCore
import NIOHTTP1

extension HubClient {
  /// At most so many pages of a history are read: what is further down was buried by others long ago.
  private static let pages = 5

  /// The newest commit up to `head` that has a mark.
  ///
  /// - Throws: ``HubError``.
  func latestMark(of repo: RepoID, at head: String) async throws(HubError) -> (commit: String, mark: CommitMark)? {
    var next: String? = url(repo, "commits", head)
    for _ in 0..<Self.pages {
      guard let page = next else { break }
      let reply = try await transport.send(.get(page))
      for commit in try reply.decode([CommitItem].self) {
        if let mark = CommitMark(in: commit.message ?? "") { return (commit.id, mark) }
      }
      next = Self.nextPage(reply.headers[canonicalForm: "Link"], from: page).map(transport.endpoint.adopting)
    }
    return nil
  }

  /// The text of a small file at `revision`, not by way of what the Hub counts as a download.
  ///
  /// - Returns: `nil` if there is no such text.
  /// - Throws: ``HubError``.
  func text(of path: String, in repo: RepoID, revision: String) async throws(HubError) -> String? {
    let parts = path.split(separator: "/").map { percentEncoded(String($0)) }.joined(separator: "/")
    do throws(HubError) {
      var call = Call.get("\(transport.endpoint.url)/\(repo)/raw/\(percentEncoded(revision))/\(parts)")
      call.accept = nil
      return String(validating: try await transport.send(call).body.readableBytesView, as: UTF8.self)
    } catch {
      if error.kind == .notFound { return nil }
      throw error
    }
  }
}

private struct CommitItem: Decodable {
  let id: String
  let message: String?
}
