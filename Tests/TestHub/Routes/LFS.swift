import Foundation
import Hummingbird
import Synchronization

private struct BatchRequest: Decodable {
  struct Object: Decodable {
    let oid: String
    let size: Int64
  }
  let operation: String
  let transfers: [String]?
  let hash_algo: String?
  let objects: [Object]
}
private struct CompletionRequest: Decodable {
  struct Part: Decodable, Equatable {
    let partNumber: Int
    let etag: String
  }
  let oid: String
  let parts: [Part]
}
private struct VerifyRequest: Decodable {
  let oid: String
  let size: Int64
}
private let gitLFS = "application/vnd.git-lfs+json"

extension Core {
  func addLFS(to router: Router<HubContext>) {
    router.post("/:namespace/{name}.git/info/lfs/objects/batch") { request, context in
      let (id, _) = try self.repository(context)
      try context.requireWriter()
      for name in ["Accept", "Content-Type"] where request.header(name)?.hasPrefix(gitLFS) != true {
        throw Refusal(name == "Accept" ? 406 : 415, "\(name) must be \(gitLFS)")
      }
      let batch = try await request.decode(BatchRequest.self)
      guard batch.operation == "upload" else { throw Refusal(400, "this Hub has no LFS downloads") }
      guard batch.hash_algo ?? "sha256" == "sha256" else { throw Refusal(409, "unknown hash algorithm") }
      guard batch.objects.count <= 256 else { throw Refusal(400, "\"objects\" must contain at most 256 items") }
      let transfers = batch.transfers ?? ["basic"]
      // A client has to find its objects by their names: the order is no promise.
      let objects = batch.objects.reversed().map { self.instructions(for: $0, in: id, transfers, request) }
      return try json(["objects": objects], headers: ["Content-Type": gitLFS])
    }
    router.post("/:namespace/{name}.git/info/lfs/objects/verify") { request, context in
      let (id, _) = try self.repository(context)
      try context.requireWriter()
      let object = try await request.decode(VerifyRequest.self)
      guard let stored = self.state.withLock({ $0.objects[.init(repo: id, sha256: object.oid)] }) else {
        throw Refusal(404, "Object \(object.oid) does not exist")
      }
      guard stored.size == object.size else {
        throw Refusal(422, "Object has \(stored.size) bytes, not \(object.size)")
      }
      return Response(status: .ok)
    }
    router.post("api/complete_multipart/:upload") { request, context in
      try Signature.check(request, self)
      let completion = try await request.decode(CompletionRequest.self)
      try await self.complete(try context.path("upload"), completion)
      return Response(status: .ok)
    }
  }

  /// What a client is to do with one object.
  private func instructions(
    for object: BatchRequest.Object, in repo: String, _ transfers: [String], _ request: Request
  ) -> [String: Any] {
    var answer: [String: Any] = ["oid": object.oid, "size": object.size]
    guard object.oid.wholeMatch(of: /[0-9a-f]{64}/) != nil, object.size > 0 else {
      answer["error"] = ["code": 422, "message": "not a sha256 and a size above 0"] as [String: Any]
      return answer
    }
    guard state.withLock({ $0.objects[.init(repo: repo, sha256: object.oid)] }) == nil else { return answer }
    let hub = options.namesPublicHub ? "https://huggingface.co" : self.base(for: request)
    var upload: [String: Any] = ["expires_in": options.signedURLLifetime]
    if object.size > options.multipartThreshold, transfers.contains("multipart") {
      let id = UUID().uuidString.lowercased()
      let partial = PartialUpload(repo: repo, sha256: object.oid, size: object.size, chunkSize: options.chunkSize)
      state.withLock { $0.uploads[id] = partial }
      var header = ["chunk_size": "\(options.chunkSize)"]
      for number in 1...partial.count {
        let digits = String("0000\(number)".suffix(max(5, "\(number)".count)))
        header[digits] = Signature.url("PUT", "/storage/parts/\(id)/\(number)", self)
      }
      upload["header"] = header
      upload["href"] = Signature.url("POST", "/api/complete_multipart/\(id)", base: hub, self)
    } else if transfers.contains("basic") {
      let path = "/storage/objects/\(repo)/\(object.oid)/\(object.size)"
      upload["href"] = Signature.url("PUT", path, base: options.namesPublicHub ? hub : nil, self)
    } else {
      answer["error"] = ["code": 422, "message": "no transfer in common"] as [String: Any]
      return answer
    }
    answer["actions"] = [
      "upload": upload, "verify": ["href": "\(hub)/\(repo).git/info/lfs/objects/verify", "header": [String: String]()],
    ]
    return answer
  }

  /// Joins the parts, if they are those that were uploaded, and make up the object.
  private func complete(_ upload: String, _ completion: CompletionRequest) async throws {
    guard let partial = state.withLock({ $0.uploads[upload] }) else { throw Refusal(404, "No such upload") }
    guard completion.oid == partial.sha256 else { throw Refusal(400, "The upload is of another object") }
    guard completion.parts.map(\.partNumber) == Array(1...partial.count) else {
      throw Refusal(400, "The list of parts was not in ascending order, or not complete")
    }
    let parts = try completion.parts.map { part in
      guard let stored = partial.parts[part.partNumber], stored.etag == part.etag else {
        throw Refusal(400, "Part \(part.partNumber) could not be found, or its entity tag does not match")
      }
      return stored.file
    }
    let object = StoredObject(parts: parts, size: partial.size)
    guard try await object.sha256() == partial.sha256 else { throw Refusal(400, "The content has another SHA-256") }
    state.withLock { state in
      state.uploads[upload] = nil
      state.objects[.init(repo: partial.repo, sha256: partial.sha256)] = object
    }
  }
}
