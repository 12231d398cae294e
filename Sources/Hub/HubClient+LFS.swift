import Logging
import NIOHTTP1

extension HubClient {
  /// Uploads the contents of `files` to the repo's LFS storage, as far as it does not have them. Equal contents go once.
  ///
  /// - Parameter onProgress: Is told of each piece that the network takes.
  /// - Returns: how many bytes of content were uploaded.
  /// - Throws: ``HubError``.
  package func uploadObjects(
    _ files: [UploadFile], to repo: RepoID, revision: String, onProgress: (@Sendable (Progress) -> Void)? = nil
  ) async throws(HubError) -> Int64 {
    var seen: Set<String> = []
    let objects = files.filter { seen.insert($0.sha256).inserted }
    var uploaded: Int64 = 0
    for start in stride(from: 0, to: objects.count, by: Self.batchSize) {
      let batch = Array(objects[start..<min(start + Self.batchSize, objects.count)])
      let items = try await lfsBatch(batch, to: repo, revision: revision)
      for file in batch {
        uploaded += try await upload(file, items[file.sha256], to: repo, revision: revision, onProgress)
      }
    }
    return uploaded
  }

  /// Asks what is to be done with each object. Replies come in any order.
  private func lfsBatch(
    _ files: [UploadFile], to repo: RepoID, revision: String
  ) async throws(HubError) -> [String: LFSBatch.Item] {
    let request = LFSBatch.Request(
      ref: .init(name: revision), objects: files.map { .init(oid: $0.sha256, size: $0.size) })
    let reply = try await transport.send(
      try .post("\(transport.endpoint.url)/\(repo).git/info/lfs/objects/batch", request, as: Call.gitLFS))
    let items = try reply.decode(LFSBatch.Reply.self).objects
    return Dictionary(items.map { ($0.oid, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// Does what the batch says. Signed URLs expire, and the storage may give up a multipart upload: where it refuses, the
  /// batch is asked again, once.
  ///
  /// - Returns: how many bytes were uploaded.
  private func upload(
    _ file: UploadFile, _ item: LFSBatch.Item?, to repo: RepoID, revision: String,
    _ onProgress: (@Sendable (Progress) -> Void)?
  ) async throws(HubError) -> Int64 {
    guard var actions = try Self.actions(item, for: file), let first = actions.upload else { return 0 }
    do throws(HubError) {
      try await transfer(file, first, onProgress)
    } catch {
      guard let status = error.status, (400..<500).contains(status), status != 429 else { throw error }
      transport.logger.info("\(file.path): \(error); asking for new URLs")
      let fresh = try await lfsBatch([file], to: repo, revision: revision)[file.sha256]
      guard let again = try Self.actions(fresh, for: file), let second = again.upload else { return file.size }
      try await transfer(file, second, onProgress)
      actions = again
    }
    if let verify = actions.verify { try await confirm(file, at: verify.href) }
    return file.size
  }

  /// - Returns: `nil` if the Hub has the object.
  private static func actions(
    _ item: LFSBatch.Item?, for file: UploadFile
  ) throws(HubError) -> LFSBatch.Item.Actions? {
    guard let item else {
      throw HubError(.invalidReply, message: "the reply does not say what to do with \(file.path)")
    }
    if let failure = item.error { throw Self.failure(failure, of: file) }
    return item.actions
  }

  /// Sends the content, whole or in parts one after another.
  private func transfer(
    _ file: UploadFile, _ action: LFSBatch.Item.Action, _ onProgress: (@Sendable (Progress) -> Void)?
  ) async throws(HubError) {
    let source = try await UploadSource.open(file, on: reader)
    let report: @Sendable (Int64) -> Void = { sent in
      onProgress?(Progress(file: file.path, bytesSent: sent, bytesTotal: file.size))
    }
    let href = transport.endpoint.adopting(action.href)
    guard let parts = try LFSBatch.Parts(action, size: file.size) else {
      _ = try await put(source, to: href, offset: 0, length: file.size, report)
      return
    }
    var done: [LFSBatch.Completion.Part] = []
    for part in parts.parts {
      let etag = try await put(source, to: part.url, offset: part.offset, length: part.length, report)
      guard let etag else {
        throw HubError(.invalidReply, message: "the storage gave no ETag for part \(part.number) of \(file.path)")
      }
      done.append(.init(partNumber: part.number, etag: etag))
    }
    var completion = try Call.post(href, LFSBatch.Completion(oid: file.sha256, parts: done), as: Call.gitLFS)
    completion.isAuthorized = false  // the URL is signed
    _ = try await transport.send(completion)
  }

  /// Sends a slice of a file to a signed URL, which is all the authorization that it wants: S3 refuses two.
  ///
  /// - Returns: the ETag, with its quotes, as the completion wants it back.
  private func put(
    _ source: UploadSource, to url: String, offset: Int64, length: Int64, _ report: @escaping @Sendable (Int64) -> Void
  ) async throws(HubError) -> String? {
    var body = RequestBody(source, from: offset, length: length)
    body.onTaken = { report(offset + $0) }
    let reply = try await transport.send(Call(method: .PUT, url: url, body: body, isAuthorized: false))
    return reply.headers.first(name: "ETag")
  }

  /// Tells the Hub that the object is there, where it wants to be told. The token goes along, so only to the Hub itself;
  /// elsewhere it is left out, as huggingface.js always does.
  private func confirm(_ file: UploadFile, at href: String) async throws(HubError) {
    let url = transport.endpoint.adopting(href)
    guard Endpoint.origin(of: url) == transport.endpoint.origin else {
      transport.logger.debug("\(file.path): not confirmed at \(transport.shown(url)), which is not the Hub")
      return
    }
    _ = try await transport.send(try .post(url, LFSBatch.Object(oid: file.sha256, size: file.size)))
  }

  /// What the batch says of one object, though its own status is 200.
  private static func failure(_ failure: LFSBatch.Item.Failure, of file: UploadFile) -> HubError {
    let kind: HubError.Kind =
      switch failure.code ?? 0 {
      case 401: .unauthorized
      case 403: .forbidden
      case 404, 410: .notFound
      case 429: .rateLimited(retryAfter: nil)
      case 400..<500: .refused
      default: .unavailable
      }
    return HubError(
      kind, status: failure.code, message: failure.message ?? "no words", path: "the upload of \(file.path)")
  }
}
