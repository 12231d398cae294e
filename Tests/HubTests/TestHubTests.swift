import Crypto
import Foundation
import TestHub
import Testing

/// That the test Hub refuses what it says it refuses: a test that it lets pass would prove nothing.
@Suite(.timeLimit(.minutes(10))) struct TestHubTests {
  private let repo = "tester/strict"

  @Test func theStorageRefusesAToken() async throws {
    try await withUpload { upload in
      let answer = try await upload.put(headers: ["Authorization": "Bearer hf_testwriter"])
      #expect(answer.status == 400)
      #expect(answer.text.contains("Only one auth mechanism allowed"))
      #expect(try await upload.put().status == 200)
    }
  }

  @Test func theStorageRefusesOtherBytes() async throws {
    try await withUpload { upload in
      var other = upload.content
      other[0] ^= 1
      let answer = try await upload.put(other)
      #expect(answer.status == 400)
      #expect(answer.text.contains("BadDigest"))
      #expect(try await upload.put(upload.content.dropLast()).status == 400)
      #expect(try await upload.put(upload.content + [0]).status == 400)
      #expect(try await upload.commit().status == 400)
    }
  }

  @Test func theStorageRefusesWhatHasNoLength() async throws {
    try await withUpload { upload in
      let chunked = try await upload.raw(headers: ["Transfer-Encoding: chunked"], body: "3\r\nabc\r\n0\r\n\r\n")
      #expect(chunked.status == 501, "\(chunked)")
      #expect(try await upload.raw(headers: [], body: "").status == 411)
      #expect(try await upload.raw(headers: ["Content-Length: 0"], body: "").status == 501)
    }
  }

  @Test func theStorageKnowsItsSignatures() async throws {
    try await withUpload { upload async throws in
      let forged = upload.href.replacing(/Signature=../, with: "Signature=00")
      #expect(try await upload.put(to: forged).status == 403)
      #expect(try await upload.put(to: upload.href.replacing("/tester/", with: "/other/")).status == 403)
      #expect(try await upload.put(to: String(upload.href.prefix { $0 != "?" })).status == 403)
    }
    var options = TestHub.Options()
    options.signedURLLifetime = -1
    try await withUpload(options) { upload in
      let answer = try await upload.put()
      #expect(answer.status == 403)
      #expect(answer.text.contains("Request has expired"))
    }
  }

  @Test func theStorageIsAnotherPlaceThanTheHub() async throws {
    try await withUpload { upload in #expect(!upload.href.hasPrefix(upload.hub.endpoint + "/")) }
  }

  @Test func aCommitNeedsItsObject() async throws {
    try await withUpload { upload in
      let answer = try await upload.commit()
      #expect(answer.status == 400)
      #expect(answer.text.contains("LFS pointer pointed to a file that does not exist"))
      #expect(try await upload.verify().status == 404)
      #expect(try await upload.put().status == 200)
      #expect(try await upload.verify(headers: ["Authorization": ""]).status == 401)
      #expect(try await upload.verify().status == 200)
      #expect(try await upload.commit(size: 1).status == 400)
      #expect(upload.hub.commits(repo).count == 1)
      #expect(try await upload.commit().status == 200)
      #expect(upload.hub.files(repo)["w.xyz"] == Array(upload.content))
      // The object is of this repo, and of no other.
      upload.hub.commitByHand("tester/other", files: [:])
      #expect(try await upload.commit(to: "tester/other").status == 400)
    }
  }

  @Test func aCommitIsForItsParent() async throws {
    try await withUpload { upload in
      let stale = upload.hub.commits(repo)[0].oid
      let head = upload.hub.commitByHand(repo, files: ["a.txt": [1]])
      let answer = try await upload.commit(parent: stale, lines: [Self.file("b.txt", "Yg==")])
      #expect(answer.status == 412)
      #expect(answer.text.contains("A commit has happened since"))
      #expect(try await upload.commit(parent: head, lines: [Self.file("b.txt", "Yg==")]).status == 200)
      #expect(upload.hub.commits(repo).map(\.parent) == [head, stale, nil])
    }
  }

  @Test(arguments: [
    ("", [Self.file("a.txt", "YQ==")]), ("x", [Self.file("a.txt", "%%%")]), ("x", [Self.file("../a", "YQ==")]),
    ("x", [Self.file(".git/a", "YQ==")]), ("x", [Self.file("a.safetensors", "YQ==")]), ("x", [Self.file("a", "AAAA")]),
    ("x", [Self.file("README.md", "YQ==")]), ("x", ["{\"key\":\"move\",\"value\":{\"path\":\"a\"}}"]),
    ("x", ["no JSON"]),
    ("x", [Self.file("good.txt", "YQ=="), Self.file("bad.txt", "%")]),
  ])
  func aBadCommitChangesNothing(_ summary: String, _ lines: [String]) async throws {
    try await withUpload { upload async throws in
      #expect(try await upload.commit(summary: summary, lines: lines).status == 400)
      #expect(upload.hub.commits(repo).count == 1)
    }
  }

  @Test func partsAreCounted() async throws {
    var options = TestHub.Options()
    options.multipartThreshold = 1000
    options.chunkSize = 1000
    try await withUpload(options) { upload in
      let parts = upload.parts
      #expect(parts.count == 3)
      var etags: [String] = []
      for (index, part) in parts.enumerated() {
        let slice = upload.content.dropFirst(index * 1000).prefix(1000)
        #expect(try await upload.put(slice.dropLast(), to: part).status == 400)
        let answer = try await upload.put(slice, to: part)
        #expect(answer.status == 200)
        etags.append(try #require(answer.headers["etag"]))
      }
      #expect(etags.allSatisfy { $0.hasPrefix("\"") && $0.hasSuffix("\"") })
      let bare = etags.map { $0.replacing("\"", with: "") }
      #expect(try await upload.complete(bare).status == 400)
      #expect(try await upload.complete(etags.dropLast()).status == 400)
      #expect(try await upload.complete(etags.reversed()).status == 400)
      #expect(try await upload.complete(etags, headers: ["Authorization": "Bearer hf_testwriter"]).status == 400)
      #expect(try await upload.verify().status == 404)
      #expect(try await upload.complete(etags).status == 200)
      #expect(try await upload.verify().status == 200)
    }
  }

  @Test(arguments: [
    ("# no front matter", 400), ("---\n- a\n- list\n---\n", 400), ("---\nlicense: [\n---\n", 400),
    ("---\nbase_model: /srv/models/qwen\n---\n", 400), ("---\nbase_model: ../qwen\n---\n", 400),
    ("---\nbase_model: Qwen/Qwen2.5-Coder-0.5B\n---\n", 200), ("---\nbase_model: [a/b, c/d]\n---\n", 200),
  ])
  func aCardNeedsMetadata(_ card: String, _ status: Int) async throws {
    try await withUpload { upload in
      let body = try JSONEncoder().encode(["repoType": "model", "content": card])
      let answer = try await upload.send("POST", "\(upload.hub.endpoint)/api/validate-yaml", body)
      #expect(answer.status == status, "\(answer.text)")
    }
  }

  @Test func aPrivateRepoIsForThoseWhoAreKnown() async throws {
    try await withUpload { upload in
      let url = "\(upload.hub.endpoint)/api/repos/create"
      let body = Data(#"{"name":"secret","type":"model","visibility":"private"}"#.utf8)
      #expect(try await upload.send("POST", url, body).status == 200)
      #expect(try await upload.send("POST", url, body).status == 409)
      #expect(upload.hub.commits("tester/secret").map { Set($0.files.keys) } == [[".gitattributes"]])
      let info = "\(upload.hub.endpoint)/api/models/tester/secret"
      #expect(try await upload.send("GET", info).status == 200)
      #expect(try await upload.send("GET", info, headers: ["Authorization": ""]).status == 401)
      #expect(try await upload.send("GET", "\(upload.hub.endpoint)/api/models/tester/none").status == 404)
      let wrong = try await upload.send("GET", info, headers: ["Authorization": "Bearer hf_wrong"])
      #expect(wrong.status == 401)
      #expect(wrong.headers["x-error-message"] == "Invalid credentials in Authorization header")
    }
  }

  /// What `git hash-object` says of the file, and `git mktree` of its directory.
  @Test func namesAreThoseOfGit() async throws {
    try await withUpload { upload in
      upload.hub.commitByHand(repo, files: ["d/hello.txt": Array("hello\n".utf8)])
      let answer = try await upload.send("GET", "\(upload.hub.endpoint)/api/models/\(repo)/tree/main?recursive=true")
      #expect(answer.text.contains("ce013625030ba8dba906f756967f9e9ca394464a"))
      #expect(answer.text.contains("aaa96ced2d9a1c8e72c56b253a0e2fe78393feb7"), "\(answer.text)")
    }
  }

  private static func file(_ path: String, _ base64: String) -> String {
    #"{"key":"file","value":{"path":"\#(path)","encoding":"base64","content":"\#(base64)"}}"#
  }
}

/// Has a Hub with one repo say how an object is to be uploaded, and hands that over.
private func withUpload(
  _ options: TestHub.Options = .init(), _ body: (StrangeUpload) async throws -> Void
) async throws {
  var options = options
  options.existingRepos = ["tester/strict"]
  try await TestHub.withServer(options) { hub in
    let content = noise(2500)
    let object: [String: Any] = ["oid": hex(SHA256.hash(data: content)), "size": content.count]
    let batch: [String: Any] = [
      "operation": "upload", "transfers": ["basic", "multipart"], "hash_algo": "sha256", "objects": [object],
    ]
    let lfs = "application/vnd.git-lfs+json"
    let answer = try await RawClient.send(
      "POST", "\(hub.endpoint)/tester/strict.git/info/lfs/objects/batch", JSONSerialization.data(withJSONObject: batch),
      headers: ["Accept": lfs, "Content-Type": lfs])
    try #require(answer.status == 200, "\(answer.text)")
    let reply = try #require(JSONSerialization.jsonObject(with: Data(answer.text.utf8)) as? [String: Any])
    let actions = try #require((reply["objects"] as? [[String: Any]])?.first?["actions"] as? [String: Any])
    let upload = try #require(actions["upload"] as? [String: Any])
    try await body(
      StrangeUpload(
        hub: hub, content: content, href: try #require(upload["href"] as? String),
        header: upload["header"] as? [String: String] ?? [:]))
  }
}

/// What it has been told about the upload of one object, and the ways to get it wrong.
private struct StrangeUpload {
  let hub: TestHub
  let content: Data
  let href: String
  let header: [String: String]

  var oid: String { hex(SHA256.hash(data: content)) }
  var parts: [String] {
    header.filter { $0.key != "chunk_size" }.sorted { $0.key < $1.key }.map(\.value)
  }

  func put(_ body: Data? = nil, to url: String? = nil, headers: [String: String] = ["Authorization": ""])
    async throws -> RawClient.Answer
  {
    try await send("PUT", url ?? href, body ?? content, headers: headers)
  }

  func complete(_ etags: some Sequence<String>, headers: [String: String] = ["Authorization": ""]) async throws
    -> RawClient.Answer
  {
    let parts = etags.enumerated().map { ["partNumber": $0.offset + 1, "etag": $0.element] as [String: Any] }
    return try await send(
      "POST", href, JSONSerialization.data(withJSONObject: ["oid": oid, "parts": parts]), headers: headers)
  }

  func verify(headers: [String: String] = [:]) async throws -> RawClient.Answer {
    try await send(
      "POST", "\(hub.endpoint)/tester/strict.git/info/lfs/objects/verify",
      Data(#"{"oid":"\#(oid)","size":\#(content.count)}"#.utf8), headers: headers)
  }

  func commit(
    to repo: String = "tester/strict", summary: String = "x", parent: String? = nil, size: Int? = nil,
    lines: [String]? = nil
  ) async throws -> RawClient.Answer {
    let parent = parent.map { #","parentCommit":"\#($0)""# } ?? ""
    let object =
      #"{"key":"lfsFile","value":{"path":"w.xyz","algo":"sha256","oid":"\#(oid)","size":\#(size ?? content.count)}}"#
    let body = [#"{"key":"header","value":{"summary":"\#(summary)"\#(parent)}}"#] + (lines ?? [object])
    return try await send(
      "POST", "\(hub.endpoint)/api/models/\(repo)/commit/main", Data(body.joined(separator: "\n").utf8),
      headers: ["Content-Type": "application/x-ndjson"])
  }

  func send(_ method: String, _ url: String, _ body: Data? = nil, headers: [String: String] = [:]) async throws
    -> RawClient.Answer
  {
    try await RawClient.send(method, url, body, headers: headers)
  }

  /// A PUT of which every byte is chosen.
  func raw(headers: [String], body: String) async throws -> RawClient.Answer {
    let url = try #require(URLComponents(string: href))
    let lines =
      ["PUT \(url.percentEncodedPath)?\(url.percentEncodedQuery ?? "") HTTP/1.1", "Host: 127.0.0.1"] + headers
    let text = (lines + ["Connection: close", "", body]).joined(separator: "\r\n")
    return try await RawClient.exchange(Data(text.utf8), port: try #require(url.port))
  }
}
