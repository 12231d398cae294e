import Foundation
import NIOCore
import NIOHTTP1

/// Changes to a branch, of which all are made or none.
package struct Commit: Sendable {
  /// A file that gets new content.
  package enum Change: Sendable {
    /// A file in git itself.
    case regular(path: String, content: [UInt8])
    /// A file whose content was uploaded before.
    case lfs(path: String, sha256: String, size: Int64)
  }
  /// The title; not empty.
  package let summary: String
  /// The rest of the message; may be empty.
  package let description: String
  /// The head that the changes were made for: if it is another meanwhile, the Hub refuses with 412.
  package let parent: String?
  /// Each path once.
  package let changes: [Change]

  /// - Parameter parent: `nil` to commit on whatever the head is.
  package init(summary: String, description: String, parent: String?, changes: [Change]) {
    self.summary = summary
    self.description = description
    self.parent = parent
    self.changes = changes
  }

  /// One JSON text a line, the header first.
  ///
  /// - Throws: ``HubError`` if something cannot be written as JSON.
  func lines() throws(HubError) -> ByteBuffer {
    var buffer = ByteBuffer()
    let header = Header(summary: summary, description: description, parentCommit: parent)
    buffer.writeBytes(try Call.encode(Line(key: "header", value: header)))
    for change in changes {
      buffer.writeInteger(UInt8(ascii: "\n"))
      switch change {
      case .regular(let path, let content):
        let value = RegularFile(path: path, content: Data(content).base64EncodedString())
        buffer.writeBytes(try Call.encode(Line(key: "file", value: value)))
      case .lfs(let path, let sha256, let size):
        buffer.writeBytes(try Call.encode(Line(key: "lfsFile", value: LFSFile(path: path, oid: sha256, size: size))))
      }
    }
    return buffer
  }

  private struct Line<Value: Encodable>: Encodable {
    let key: String
    let value: Value
  }

  private struct Header: Encodable {
    let summary: String
    let description: String
    let parentCommit: String?
  }

  private struct RegularFile: Encodable {
    let path: String
    let encoding = "base64"
    let content: String
  }

  private struct LFSFile: Encodable {
    let path: String
    let algo = "sha256"
    let oid: String
    let size: Int64
  }
}

extension HubClient {
  /// Makes a commit, and sends it once only: whether a lost reply means a lost commit is for the caller to find out.
  ///
  /// - Returns: its name, 40 hex digits.
  /// - Throws: ``HubError``: with status 412 if the head has moved; of kind `unavailable`, `invalidReply` or
  ///   `rateLimited` by a server error if the commit may have been made or not.
  package func commit(_ commit: Commit, to repo: RepoID, revision: String) async throws(HubError) -> String {
    let call = Call(
      method: .POST, url: url(repo, "commit", revision), contentType: "application/x-ndjson",
      accept: "application/json", body: RequestBody(try commit.lines()), repetition: .ifNotDone)
    let reply = try await transport.send(call)
    let name = try reply.decode(CommitReply.self).commitOid
    guard name.utf8.count == 40, name.allSatisfy(\.isHexDigit) else {
      throw HubError(
        .invalidReply, status: reply.status, message: "\(name.debugDescription) is no commit",
        requestID: reply.requestID, path: reply.path)
    }
    return name
  }
}

private struct CommitReply: Decodable {
  let commitOid: String
}
