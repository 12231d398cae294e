import Foundation
import HTTPTypes
import Hummingbird
import Synchronization

extension Core {
  /// What is S3 behind the real Hub.
  func addStorage(to router: Router<HubContext>) {
    router.put("storage/objects/:namespace/:name/:oid/:size") { request, context in
      let oid = try context.path("oid")
      let size = Int64(try context.path("size")) ?? 0
      let received = try await self.receive(request, length: size)
      guard received.sha256 == oid else {
        throw StorageRefusal(400, "BadDigest", "The SHA-256 you specified did not match what we received.")
      }
      let key = State.ObjectKey(repo: try context.repo(), sha256: oid)
      self.state.withLock { $0.objects[key] = StoredObject(parts: [received.file], size: size) }
      return Response(status: .ok, headers: fields(["ETag": etag(received)]))
    }
    router.put("storage/parts/:upload/:number") { request, context in
      let upload = try context.path("upload")
      let number = Int(try context.path("number")) ?? 0
      guard let partial = self.state.withLock({ $0.uploads[upload] }) else {
        throw StorageRefusal(404, "NoSuchUpload", "The specified multipart upload does not exist.")
      }
      let received = try await self.receive(request, length: partial.length(ofPart: number))
      let part = PartialUpload.Part(file: received.file, etag: etag(received))
      self.state.withLock { $0.uploads[upload]?.parts[number] = part }
      return Response(status: .ok, headers: fields(["ETag": part.etag]))
    }
    router.get("storage/downloads/:namespace/:name/:oid") { request, context in
      try Signature.check(request, self)
      let key = State.ObjectKey(repo: try context.repo(), sha256: try context.path("oid"))
      guard let object = self.state.withLock({ $0.objects[key] }) else {
        throw StorageRefusal(404, "NoSuchKey", "The specified key does not exist.")
      }
      return Response(
        status: .ok, headers: fields(["Content-Type": "application/octet-stream"]),
        body: .init(contentLength: Int(object.size)) { writer in
          try await object.forEachPiece { try await writer.write($0) }
          try await writer.finish(nil)
        })
    }
  }

  /// Takes the body of an upload, of which all is known before: who may send it, and how long it is.
  private func receive(_ request: Request, length: Int64) async throws -> ReceivedFile {
    guard request.header("Transfer-Encoding") == nil else {
      throw StorageRefusal(
        501, "NotImplemented", "A header you provided implies functionality that is not implemented: Transfer-Encoding")
    }
    try Signature.check(request, self)
    guard let announced = request.header("Content-Length").flatMap({ Int64($0) }) else {
      throw StorageRefusal(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
    }
    guard announced > 0 else {
      throw StorageRefusal(501, "NotImplemented", "An object of no bytes is not taken here.")
    }
    guard announced == length else {
      throw StorageRefusal(400, "IncompleteBody", "\(length) bytes were announced, not \(announced).")
    }
    let received = try await ReceivedFile(request.body, in: directory)
    guard received.size == length else {
      throw StorageRefusal(400, "IncompleteBody", "\(length) bytes were announced, \(received.size) came.")
    }
    return received
  }
}

/// With the quotes that belong to it.
private func etag(_ received: ReceivedFile) -> String { "\"\(received.sha256.prefix(32))\"" }
