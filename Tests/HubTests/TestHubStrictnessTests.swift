import Foundation
import TestHub
import Testing

/// Who may do what on the test Hub, what it decides of files, and that what it refuses leaves no trace.
@Suite(.timeLimit(.minutes(10))) struct TestHubStrictnessTests {
  private static let repo = "tester/strict"
  private static let api = "/api/models/tester/strict"
  private static let lfs = "/tester/strict.git/info/lfs/objects"

  @Test(arguments: ["Bearer hf_wrong", "Basic dGVzdGVyOmhmX3Rlc3R3cml0ZXI=", "hf_testwriter"])
  func aWrongTokenIsRefusedWhereNoneIsNeeded(_ authorization: String) async throws {
    try await withHub { hub async throws in
      let places = [
        ("GET", "/api/whoami-v2"), ("POST", "/api/repos/create"), ("POST", "/api/validate-yaml"), ("GET", Self.api),
        ("GET", "\(Self.api)/revision/main"), ("GET", "\(Self.api)/tree/main"), ("POST", "\(Self.api)/paths-info/main"),
        ("GET", "\(Self.api)/refs"), ("GET", "\(Self.api)/commits/main"), ("POST", "\(Self.api)/preupload/main"),
        ("POST", "\(Self.api)/commit/main"), ("POST", "\(Self.lfs)/batch"), ("POST", "\(Self.lfs)/verify"),
        ("GET", "/\(Self.repo)/resolve/main/.gitattributes"),
      ]
      for (method, path) in places {
        let answer = try await send(method, path, to: hub, headers: ["Authorization": authorization])
        #expect(answer.status == 401, "\(method) \(path)")
        #expect(answer.headers["x-error-message"] == "Invalid credentials in Authorization header", "\(method) \(path)")
      }
    }
  }

  @Test(arguments: [("", 401), ("Bearer hf_testreader", 403)])
  func whoMayNotWriteChangesNothing(_ authorization: String, _ status: Int) async throws {
    try await withHub { hub async throws in
      let before = hub.commits(Self.repo).map(\.oid)
      let places: [(String, String, String)] = [
        ("POST", "/api/repos/create", #"{"name":"new","type":"model"}"#),
        ("DELETE", "/api/repos/delete", #"{"name":"strict","organization":"tester","type":"model"}"#),
        ("POST", "\(Self.api)/preupload/main", #"{"files":[]}"#),
        ("POST", "\(Self.api)/commit/main", #"{"key":"header","value":{"summary":"x"}}"#),
        ("POST", "\(Self.api)/branch/b", "{}"), ("POST", "\(Self.api)/tag/main", #"{"tag":"t"}"#),
        ("DELETE", "\(Self.api)/branch/main", ""),
        ("POST", "\(Self.lfs)/batch", #"{"operation":"upload","objects":[]}"#),
        ("POST", "\(Self.lfs)/verify", #"{"oid":"","size":1}"#),
      ]
      for (method, path, body) in places {
        let answer = try await send(method, path, body, to: hub, headers: ["Authorization": authorization])
        #expect(answer.status == status, "\(method) \(path)")
      }
      #expect(hub.commits(Self.repo).map(\.oid) == before)
      #expect(hub.commits(Self.repo, revision: "b").isEmpty)
      #expect(hub.tags(Self.repo).isEmpty)
      #expect(hub.isPrivate("tester/new") == nil)
      // To look is free.
      #expect(try await send("GET", Self.api, to: hub, headers: ["Authorization": authorization]).status == 200)
    }
  }

  @Test func aPrivateRepoShowsNothingToStrangers() async throws {
    try await withHub { hub async throws in
      hub.createRepo("tester/secret", isPrivate: true)
      for path in ["/api/models/tester/secret", "/api/models/tester/secret/tree/main", "/tester/secret/resolve/main/a"]
      {
        let secret = try await send("GET", path, to: hub, headers: ["Authorization": ""])
        let nothing = try await send(
          "GET", path.replacing("secret", with: "nothing"), to: hub, headers: ["Authorization": ""])
        #expect(secret.status == 401, "\(path)")
        #expect(secret.text == nothing.text && secret.status == nothing.status, "\(path)")
      }
      // As it is, not as somebody asks for it a second time.
      hub.createRepo("tester/secret", isPrivate: false)
      #expect(hub.isPrivate("tester/secret") == true)
    }
  }

  /// A waiter for `RateLimit` has to be found out, so it comes with success too.
  @Test func everyReplyOfTheHubSaysWhatIsLeft() async throws {
    try await withHub { hub async throws in
      for path in ["/api/whoami-v2", "/api/models/tester/none", "/nowhere/at/all"] {
        let answer = try await send("GET", path, to: hub)
        let limit = try #require(answer.headers["ratelimit"], "\(path)")
        #expect(limit.wholeMatch(of: /"api";r=[1-9][0-9]*;t=300/) != nil, "\(limit)")
        #expect(answer.headers["ratelimit-policy"] == #""fixed window";"api";q=1000;w=300"#)
        #expect(answer.headers["x-request-id"]?.isEmpty == false)
      }
      // What a test wants to be said is what is said.
      hub.inject(.status(429, at: "/whoami", headers: ["RateLimit": #""api";r=0;t=1"#]))
      #expect(try await send("GET", "/api/whoami-v2", to: hub).headers["ratelimit"] == #""api";r=0;t=1"#)
      #expect(try await send("GET", "/storage/downloads/a/b/c", to: hub).headers["ratelimit"] == nil)
    }
  }

  private static let modes: [(Asked, String)] = [
    (Asked(path: "a.txt", sample: Data("text\n".utf8), size: 5), "regular"),
    (Asked(path: "a.txt", sample: Data("ä".utf8), size: 2), "regular"),
    (Asked(path: "a.txt", sample: Data([0x61, 0]), size: 2), "lfs"),
    (Asked(path: "a.txt", sample: Data([0xff, 0xfe]), size: 2), "lfs"),
    (Asked(path: "deep/a.safetensors", sample: Data("text\n".utf8), size: 5), "lfs"),
    (Asked(path: "a.json", sample: Data(repeating: 0x20, count: 512), size: 9_000_000), "regular"),
    (Asked(path: "a.json", sample: Data(repeating: 0x20, count: 512), size: 11_000_000), "lfs"),
    // A character that the sample cuts in two does not make a binary.
    (Asked(path: "a.txt", sample: Data(repeating: 0x61, count: 511) + [0xc3], size: 600), "regular"),
  ]

  @Test(arguments: modes)
  fileprivate func theHubDecidesWhatGoesByLFS(_ asked: Asked, _ mode: String) async throws {
    try await withHub { hub async throws in
      let file = try await preupload(hub, [asked]).first
      #expect(file?.uploadMode == mode)
      #expect(file?.oid == nil)
    }
  }

  @Test func theRulesOfTheCommitCountBeforeThoseOfTheRepo() async throws {
    try await withHub { hub async throws in
      hub.commitByHand(Self.repo, files: [".gitignore": Array("*.log\nruns/\n".utf8), "a.txt": Array("text\n".utf8)])
      let asked = ["a.txt", "a.log", "runs/a.txt", "a.xyz"].map {
        Asked(path: $0, sample: Data("text\n".utf8), size: 5)
      }
      let plain = try await preupload(hub, asked)
      #expect(plain.map(\.shouldIgnore) == [false, true, true, false])
      // What `git hash-object` says of it.
      #expect(plain.map(\.oid) == ["8e27be7d6154a1f68ea9160ef0e18691d20560dc", nil, nil, nil])
      let ruled = try await preupload(hub, asked, gitIgnore: "/a.txt\n", gitAttributes: "*.xyz filter=lfs\n")
      #expect(ruled.map(\.shouldIgnore) == [true, false, false, false])
      #expect(ruled.map(\.uploadMode) == ["regular", "regular", "regular", "lfs"])
    }
  }

  @Test func preuploadHasItsLimits() async throws {
    try await withHub { hub async throws in
      let many = (0..<257).map { Asked(path: "\($0).txt", sample: Data("a".utf8), size: 1) }
      #expect(try await ask(hub, many).status == 400)
      #expect(try await ask(hub, Array(many.dropLast())).status == 200)
      #expect(try await ask(hub, [Asked(path: "a.txt", sample: Data("a".utf8), size: 2)]).status == 400)
      #expect(try await ask(hub, [Asked(path: "a.txt", sample: Data(count: 513), size: 600)]).status == 400)
    }
  }

  @Test func deletionsAreAllOrNothing() async throws {
    try await withHub { hub async throws in
      hub.commitByHand(Self.repo, files: ["old/a.txt": [0x61], "old/b/c.txt": [0x61], "older.txt": [0x61]])
      let before = hub.files(Self.repo)
      for bad in [
        Self.line("deletedFile", "none.txt"), Self.line("deletedFolder", "none/"), Self.line("deletedFile", "old"),
      ] {
        let answer = try await commit(hub, [Self.line("deletedFolder", "old/"), bad])
        #expect(answer.status == 404, "\(bad)")
        #expect(hub.files(Self.repo) == before)
      }
      let answer = try await commit(hub, [Self.line("deletedFolder", "old/")])
      #expect(answer.status == 200)
      #expect(Set(hub.files(Self.repo).keys) == [".gitattributes", "older.txt"])
    }
  }

  @Test func aCommitBeginsWithItsHeader() async throws {
    try await withHub { hub async throws in
      let header = #"{"key":"header","value":{"summary":"x"}}"#
      let file = #"{"key":"file","value":{"path":"a","encoding":"base64","content":"YQ=="}}"#
      let type = ["Content-Type": "application/x-ndjson"]
      let path = "\(Self.api)/commit/main"
      #expect(try await send("POST", path, "\(file)\n\(header)", to: hub, headers: type).status == 400)
      #expect(try await send("POST", path, "", to: hub, headers: type).status == 400)
      #expect(try await send("POST", path, "\(header)\n\(file)", to: hub).status == 400)
      #expect(hub.commits(Self.repo).count == 1)
      #expect(try await send("POST", path, "\(header)\n\(file)", to: hub, headers: type).status == 200)
      #expect(try await send("POST", "\(Self.api)/commit/none", header, to: hub, headers: type).status == 404)
    }
  }

  @Test(arguments: [
    "license: [mit]", "tags: lora", "tags: [1]", "base_model: 5", "base_model: [a/b, /srv/c]", "base_model: a/b/c",
    "just text",
  ])
  func aCardKeepsToTheTypes(_ metadata: String) async throws {
    try await withHub { hub async throws in
      let card = try JSONEncoder().encode(["repoType": "model", "content": "---\n\(metadata)\n---\n"])
      let answer = try await RawClient.send("POST", "\(hub.endpoint)/api/validate-yaml", card)
      #expect(answer.status == 400)
      let reply = try JSONDecoder().decode([String: [[String: String]]].self, from: Data(answer.text.utf8))
      #expect(reply["errors"]?.first?["message"]?.isEmpty == false)
    }
  }

  private static func line(_ key: String, _ path: String) -> String {
    #"{"key":"\#(key)","value":{"path":"\#(path)"}}"#
  }

  private func commit(_ hub: TestHub, _ lines: [String]) async throws -> RawClient.Answer {
    let body = ([#"{"key":"header","value":{"summary":"x"}}"#] + lines).joined(separator: "\n")
    return try await send(
      "POST", "\(Self.api)/commit/main", body, to: hub, headers: ["Content-Type": "application/x-ndjson"])
  }
}

/// A Hub with one public repo.
private func withHub(_ body: (TestHub) async throws -> Void) async throws {
  try await TestHub.withServer { hub in
    hub.createRepo("tester/strict")
    try await body(hub)
  }
}

private func send(
  _ method: String, _ path: String, _ body: String = "", to hub: TestHub, headers: [String: String] = [:]
) async throws -> RawClient.Answer {
  try await RawClient.send(method, hub.endpoint + path, Data(body.utf8), headers: headers)
}

private struct Asked: Encodable, Sendable {
  let path: String
  let sample: Data
  let size: Int
}
private struct Question: Encodable {
  let files: [Asked]
  let gitIgnore: String?
  let gitAttributes: String?
}
private struct Answered: Decodable {
  struct File: Decodable {
    let path: String
    let uploadMode: String
    let shouldIgnore: Bool
    let oid: String?
  }
  let files: [File]
}

private func ask(
  _ hub: TestHub, _ files: [Asked], gitIgnore: String? = nil, gitAttributes: String? = nil
) async throws -> RawClient.Answer {
  let question = Question(files: files, gitIgnore: gitIgnore, gitAttributes: gitAttributes)
  return try await RawClient.send(
    "POST", "\(hub.endpoint)/api/models/tester/strict/preupload/main", JSONEncoder().encode(question))
}

/// What the Hub says of files that a commit may have, in their order.
private func preupload(
  _ hub: TestHub, _ files: [Asked], gitIgnore: String? = nil, gitAttributes: String? = nil
) async throws -> [Answered.File] {
  let answer = try await ask(hub, files, gitIgnore: gitIgnore, gitAttributes: gitAttributes)
  try #require(answer.status == 200, "\(answer.text)")
  let said = try JSONDecoder().decode(Answered.self, from: Data(answer.text.utf8)).files
  try #require(said.map(\.path) == files.map(\.path))
  return said
}
