import Crypto
import Foundation
import TestHub
import Testing

/// That the test Hub is as strict about objects as git-lfs and S3 are: parts, their order, and what they make up.
@Suite(.timeLimit(.minutes(10))) struct TestHubLFSTests {
  private static let content = noise(2500, seed: 7)
  private static let oid = hex(SHA256.hash(data: content))
  private static let lfs = "application/vnd.git-lfs+json"

  @Test func theBatchSpeaksGitLFS() async throws {
    try await withHub { hub async throws in
      let object = Object(oid: Self.oid, size: Self.content.count)
      #expect(try await batch(hub, [object], accept: "application/json").status == 406)
      #expect(try await batch(hub, [object], contentType: "application/json").status == 415)
      let answer = try await batch(hub, [object])
      #expect(answer.status == 200)
      #expect(answer.headers["content-type"] == Self.lfs)
    }
  }

  @Test func aBatchHasItsLimit() async throws {
    try await withHub { hub async throws in
      let many = (0..<257).map { Object(oid: hex(SHA256.hash(data: Data("\($0)".utf8))), size: 1) }
      #expect(try await batch(hub, many).status == 400)
      #expect(try await batch(hub, Array(many.dropLast())).status == 200)
    }
  }

  /// With status 200: a client that only looks at that takes the object for stored.
  @Test func anErrorIsThatOfOneObject() async throws {
    try await withHub { hub async throws in
      let objects = [Object(oid: Self.oid, size: 0), Object(oid: "abc", size: 1), Object(oid: Self.oid, size: 2500)]
      let answer = try await batch(hub, objects)
      #expect(answer.status == 200)
      let said = try JSONDecoder().decode(Batch.self, from: Data(answer.text.utf8)).objects
      #expect(said.count == 3)
      #expect(said.filter { $0.error?.code == 422 && $0.actions == nil }.count == 2)
      #expect(said.filter { $0.error == nil && $0.actions != nil }.map(\.size) == [2500])
    }
  }

  @Test func partsComeInTheirOrder() async throws {
    try await withParts(of: Self.content) { upload async throws in
      let parts = upload.etags.enumerated().map { Part(partNumber: $0.offset + 1, etag: $0.element) }
      let more = parts + [Part(partNumber: 4, etag: parts[2].etag)]
      for list in [parts.reversed(), [parts[0]] + parts, more, parts.dropLast(), []] {
        let answer = try await upload.complete(list)
        #expect(answer.status == 400)
        // Not for the digest, which is looked at last.
        #expect(answer.text.contains("not in ascending order, or not complete"), "\(answer.text)")
      }
      #expect(try await upload.verify(size: Self.content.count).status == 404)
      #expect(try await upload.complete(parts).status == 200)
      // It has become an object, and is no upload any more.
      #expect(try await upload.complete(parts).status == 404)
      #expect(try await upload.verify(size: Self.content.count - 1).status == 422)
      #expect(try await upload.verify(size: Self.content.count).status == 200)
    }
  }

  @Test func partsMakeUpTheObject() async throws {
    var other = Self.content
    other[2400] ^= 1
    try await withParts(of: other) { upload async throws in
      let parts = upload.etags.enumerated().map { Part(partNumber: $0.offset + 1, etag: $0.element) }
      #expect(try await upload.complete(parts).status == 400)
      #expect(try await upload.verify(size: Self.content.count).status == 404)
    }
  }

  @Test func aBigFileIsNoRegularOne() async throws {
    try await withHub { hub async throws in
      let text = Data(repeating: UInt8(ascii: " "), count: 10 << 20 | 1).base64EncodedString()
      let file = #"{"key":"file","value":{"path":"a.txt","encoding":"base64","content":"\#(text)"}}"#
      let answer = try await commit(hub, #"{"key":"header","value":{"summary":"x"}}"#, file)
      #expect(answer.status == 400)
      #expect(answer.text.contains("must go by LFS"))
      #expect(hub.files("tester/strict")["a.txt"] == nil)
    }
  }

  @Test func theFirstLineOfACommitIsItsHeader() async throws {
    try await withHub { hub async throws in
      #expect(try await commit(hub, #"{"key":"head","value":{"summary":"x"}}"#, "").status == 400)
    }
  }

  /// A `HEAD` says all without the body, also of a file that lies elsewhere.
  @Test func aDownloadIsAnnounced() async throws {
    try await withParts(of: Self.content) { upload async throws in
      let parts = upload.etags.enumerated().map { Part(partNumber: $0.offset + 1, etag: $0.element) }
      #expect(try await upload.complete(parts).status == 200)
      let line = #""path":"w.xyz","algo":"sha256","oid":"\#(Self.oid)","size":\#(Self.content.count)"#
      let header = #"{"key":"header","value":{"summary":"x"}}"#
      #expect(try await commit(upload.hub, header, #"{"key":"lfsFile","value":{\#(line)}}"#).status == 200)
      let head = try await RawClient.send("HEAD", "\(upload.hub.endpoint)/tester/strict/resolve/main/w.xyz")
      #expect(head.status == 302)
      #expect(head.headers["x-linked-size"] == "2500")
      #expect(head.headers["x-linked-etag"] == "\"\(Self.oid)\"")
      #expect(head.headers["x-repo-commit"] == upload.hub.commits("tester/strict").first?.oid)
      let location = try #require(head.headers["location"])
      #expect(try await RawClient.send("GET", location).status == 400, "a token on a signed URL")
      let answer = try await RawClient.send("GET", location, headers: ["Authorization": ""])
      #expect(answer.status == 200)
      #expect(answer.headers["content-length"] == "2500")
    }
  }

  private func batch(
    _ hub: TestHub, _ objects: [Object], accept: String = lfs, contentType: String = lfs
  ) async throws -> RawClient.Answer {
    let question = Question(operation: "upload", transfers: ["basic", "multipart"], objects: objects)
    return try await RawClient.send(
      "POST", "\(hub.endpoint)/tester/strict.git/info/lfs/objects/batch", JSONEncoder().encode(question),
      headers: ["Accept": accept, "Content-Type": contentType])
  }

  private func commit(_ hub: TestHub, _ header: String, _ line: String) async throws -> RawClient.Answer {
    try await RawClient.send(
      "POST", "\(hub.endpoint)/api/models/tester/strict/commit/main", Data("\(header)\n\(line)".utf8),
      headers: ["Content-Type": "application/x-ndjson"])
  }

  private func withHub(
    _ options: TestHub.Options = .init(), _ body: (TestHub) async throws -> Void
  ) async throws {
    try await TestHub.withServer(options) { hub in
      hub.createRepo("tester/strict")
      try await body(hub)
    }
  }

  /// Announces ``content`` and uploads `bytes`, which are of the same length, in its place.
  private func withParts(of bytes: Data, _ body: (PartsUpload) async throws -> Void) async throws {
    var options = TestHub.Options()
    options.multipartThreshold = 1000
    options.chunkSize = 1000
    try await withHub(options) { hub in
      let answer = try await batch(hub, [Object(oid: Self.oid, size: Self.content.count)])
      let said = try JSONDecoder().decode(Batch.self, from: Data(answer.text.utf8))
      let upload = try #require(said.objects.first?.actions?.upload)
      let urls = (upload.header ?? [:]).filter { $0.key != "chunk_size" }.sorted { $0.key < $1.key }.map(\.value)
      try #require(urls.count == 3)
      var etags: [String] = []
      for (index, url) in urls.enumerated() {
        let slice = Data(bytes.dropFirst(index * 1000).prefix(1000))
        let reply = try await RawClient.send("PUT", url, slice, headers: ["Authorization": ""])
        etags.append(try #require(reply.headers["etag"], "\(reply.text)"))
      }
      try await body(PartsUpload(hub: hub, oid: Self.oid, href: upload.href, etags: etags))
    }
  }
}

/// An object of which all parts are uploaded, and nothing more.
private struct PartsUpload {
  let hub: TestHub
  let oid: String
  let href: String
  let etags: [String]

  func complete(_ parts: [Part]) async throws -> RawClient.Answer {
    try await RawClient.send(
      "POST", href, JSONEncoder().encode(Completion(oid: oid, parts: parts)), headers: ["Authorization": ""])
  }

  func verify(size: Int) async throws -> RawClient.Answer {
    try await RawClient.send(
      "POST", "\(hub.endpoint)/tester/strict.git/info/lfs/objects/verify",
      JSONEncoder().encode(Object(oid: oid, size: size)))
  }
}

private struct Object: Encodable {
  let oid: String
  let size: Int
}
private struct Question: Encodable {
  let operation: String
  let transfers: [String]
  let objects: [Object]
}
private struct Part: Encodable {
  let partNumber: Int
  let etag: String
}
private struct Completion: Encodable {
  let oid: String
  let parts: [Part]
}
private struct Batch: Decodable {
  struct Object: Decodable {
    struct Failure: Decodable { let code: Int }
    struct Actions: Decodable {
      struct Upload: Decodable {
        let href: String
        let header: [String: String]?
      }
      let upload: Upload
    }
    let oid: String
    let size: Int
    let error: Failure?
    let actions: Actions?
  }
  let objects: [Object]
}
