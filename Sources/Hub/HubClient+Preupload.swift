import Foundation

/// What the Hub says of a file that is to be published.
package struct Preview: Sendable, Equatable {
  /// How its content travels; the Hub's choice, which goes by its own rules and not by the file's name or size.
  package enum Mode: Sendable { case regular, lfs }
  /// What the commit has to say of it.
  package let mode: Mode
  /// The repo's `.gitignore` keeps it out.
  package let isIgnored: Bool
  /// What the Hub has at this path: of a file in LFS the SHA-256, else git's blob id; `nil` for nothing.
  package let present: String?
  /// The Hub has this content at this path.
  package let isUnchanged: Bool
}

extension HubClient {
  /// At most so many files in one call: the Hub takes 256, huggingface.js sends 100.
  static let batchSize = 100

  /// Asks how each of `files` is to be uploaded, and whether it needs to be.
  ///
  /// - Returns: by path, and the commit that the answer is about if the Hub says so.
  /// - Throws: ``HubError``.
  package func preupload(
    _ files: [UploadFile], to repo: RepoID, revision: String
  ) async throws(HubError) -> (previews: [String: Preview], commit: String?) {
    var previews: [String: Preview] = [:]
    var commit: String?
    let ignore = try await text(of: files.first { $0.path == ".gitignore" })
    let attributes = try await text(of: files.first { $0.path == ".gitattributes" })
    for start in stride(from: 0, to: files.count, by: Self.batchSize) {
      let batch = Array(files[start..<min(start + Self.batchSize, files.count)])
      var items: [PreuploadRequest.File] = []
      for file in batch {
        let sample = try await read(file, count: min(512, file.size))
        items.append(.init(path: file.path, sample: Data(sample).base64EncodedString(), size: file.size))
      }
      let reply = try await transport.send(
        try .post(
          url(repo, "preupload", revision),
          PreuploadRequest(files: items, gitIgnore: ignore, gitAttributes: attributes)))
      let answer = try reply.decode(PreuploadReply.self)
      let byPath = Dictionary(answer.files.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
      for file in batch {
        guard let item = byPath[file.path], let preview = item.preview(of: file) else {
          throw HubError(
            .invalidReply, status: reply.status, message: "the reply does not say how to upload \(file.path)",
            requestID: reply.requestID, path: reply.path)
        }
        previews[file.path] = preview
      }
      commit = answer.commitOid ?? commit
    }
    return (previews, commit)
  }

  /// All of a small file as text, for the rules that the Hub has to know of before it can answer.
  private func text(of file: UploadFile?) async throws(HubError) -> String? {
    guard let file else { return nil }
    return String(decoding: try await read(file, count: file.size), as: UTF8.self)
  }

  /// The first `count` bytes of a file that is small, or of which little is wanted.
  ///
  /// - Throws: ``HubError`` of kind `refused` if it cannot be read or is too long for a request.
  func read(_ file: UploadFile, count: Int64) async throws(HubError) -> [UInt8] {
    guard count <= 10 * 1024 * 1024 else {
      throw HubError(.refused, message: "\(file.path) is over 10 MiB, which is too long for a file outside of LFS")
    }
    let source = try await UploadSource.open(file, on: reader)
    do {
      return try await source.read(from: 0, count: Int(count))
    } catch {
      throw error as? HubError ?? HubError(.refused, message: "\(file.path) cannot be read: \(error)")
    }
  }
}

private struct PreuploadRequest: Encodable {
  struct File: Encodable {
    let path: String
    let sample: String
    let size: Int64
  }
  let files: [File]
  let gitIgnore: String?
  let gitAttributes: String?
}

private struct PreuploadReply: Decodable {
  struct File: Decodable {
    let path: String
    let uploadMode: String
    let shouldIgnore: Bool?
    let oid: String?

    /// `nil` for a mode that nobody knows.
    func preview(of file: UploadFile) -> Preview? {
      let mode: Preview.Mode
      switch uploadMode {
      // S3 does not take an empty object.
      case "lfs" where file.size > 0: mode = .lfs
      case "lfs", "regular": mode = .regular
      default: return nil
      }
      return Preview(
        mode: mode, isIgnored: shouldIgnore ?? false, present: oid,
        isUnchanged: oid == (mode == .lfs ? file.sha256 : file.gitBlobSHA1))
    }
  }
  let files: [File]
  let commitOid: String?
}
