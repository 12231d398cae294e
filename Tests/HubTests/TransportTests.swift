import Foundation
import Hub
import Logging
import Synchronization
import SystemPackage
import Testing

/// What a client meets on the way to a Hub, and what it must not do then.
@Suite(.timeLimit(.minutes(10))) struct TransportTests {
  private let repo = "tester/adapter"
  private let head = #"{"sha":"0123456789012345678901234567890123456789","private":true}"#

  @Test func unreachableIsUnavailable() async throws {
    let port = try RawServer.deadPort()
    let error = try await hubError {
      try await withClient("http://127.0.0.1:\(port)") { _ = try await $0.whoami() }
    }
    #expect(error.kind == .unavailable)
    #expect(error.description.contains("http://127.0.0.1:\(port)"), "\(error)")
    #expect(error.description.contains("refused"), "\(error)")
  }

  @Test func silenceEndsByTheIdleTimeout() async throws {
    let timeouts = Timeouts(idle: .milliseconds(200), backoff: .milliseconds(1), retries: 1)
    try await RawServer.serving({ _ in .silence }) { server in
      let error = try await hubError {
        try await withClient(server.endpoint, timeouts: timeouts) {
          _ = try await $0.head(of: try RepoID(parsing: repo), revision: "main")
        }
      }
      #expect(error.kind == .unavailable)
      #expect(error.description.contains("silence for 0.2 s"), "\(error)")
      // The machine may be so busy that the server sees them later than that.
      var arrivals = server.arrivals.makeAsyncIterator()
      for _ in 0..<2 { #expect(await arrivals.next()?.method == "GET") }
    }
  }

  @Test func aHandshakeThatNeverComesEnds() async throws {
    let timeouts = Timeouts(connect: .milliseconds(300), backoff: .milliseconds(1), retries: 0)
    try await RawServer.serving({ _ in .silence }) { server in
      let error = try await hubError {
        try await withClient("https://127.0.0.1:\(server.port)", timeouts: timeouts) { _ = try await $0.whoami() }
      }
      #expect(error.kind == .unavailable)
      #expect(error.description.contains("within 0.3 s"), "\(error)")
      #expect(server.requests.isEmpty)
    }
  }

  /// The kernel takes some of the bytes for a peer that reads none, so the file is longer than what it takes.
  @Test func aPeerThatStopsReadingEndsTheUpload() async throws {
    let timeouts = Timeouts(idle: .seconds(2), backoff: .milliseconds(1), retries: 0)
    try await withSparseFile(size: 64 * 1024 * 1024) { file in
      try await RawServer.serving(readsBodies: false, { _ in .silence }) { storage in
        try await RawServer.serving({ _ in .reply(200, [:], uploadPlan(file, storage)) }) { hub in
          let error = try await hubError {
            try await withClient(hub.endpoint, timeouts: timeouts) {
              _ = try await $0.uploadObjects([file], to: try RepoID(parsing: repo), revision: "main")
            }
          }
          #expect(error.kind == .unavailable)
          #expect(error.description.contains("for 2 s"), "\(error)")
          #expect(!error.description.contains("s3cret"))
        }
      }
    }
  }

  @Test func anUploadTellsItsLengthAndNoToken() async throws {
    try await withSparseFile(size: 1024 * 1024) { file in
      try await RawServer.serving({ _ in .reply(200) }) { storage in
        try await RawServer.serving({ _ in .reply(200, [:], uploadPlan(file, storage)) }) { hub in
          try await withClient(hub.endpoint) {
            _ = try await $0.uploadObjects([file], to: try RepoID(parsing: repo), revision: "main")
          }
          let put = try #require(storage.requests.first)
          #expect(put.method == "PUT")
          #expect(put.headers["authorization"] == nil)
          #expect(put.headers["content-length"] == "\(file.size)")
          #expect(put.headers["transfer-encoding"] == nil)
          #expect(put.body.count == Int(file.size))
        }
      }
    }
  }

  private func withSparseFile(size: Int, _ body: (UploadFile) async throws -> Void) async throws {
    try await withDirectory { directory in
      let source = directory.appending("weights")
      try Data().write(to: URL(filePath: source.string))
      #expect(truncate(source.string, size) == 0)
      try await body(
        UploadFile(
          path: "w.safetensors", source: source, size: Int64(size), sha256: String(repeating: "a", count: 64),
          gitBlobSHA1: String(repeating: "b", count: 40)))
    }
  }

  /// The Hub's answer to the LFS batch request: `file` is to be put to `storage`.
  private func uploadPlan(_ file: UploadFile, _ storage: RawServer) -> String {
    """
    {"objects":[{"oid":"\(file.sha256)","size":\(file.size),\
    "actions":{"upload":{"href":"\(storage.endpoint)/put?signature=s3cret"}}}]}
    """
  }

  @Test func aLoginPageIsNoHub() async throws {
    let page = "<!DOCTYPE html><html><body>Welcome to the hotel</body></html>"
    for (status, type) in [(200, "text/html"), (200, "application/json"), (503, "text/html")] {
      try await RawServer.serving({ _ in .reply(status, ["Content-Type": type], page) }) { server in
        let error = try await hubError {
          try await withClient(server.endpoint) {
            _ = try await $0.head(of: try RepoID(parsing: repo), revision: "main")
          }
        }
        #expect(error.kind == (status == 200 ? .invalidReply : .unavailable))
        #expect(error.description.contains("web page"), "\(error)")
        #expect(!error.description.contains("<"), "\(error)")
      }
    }
  }

  @Test func aRedirectWithinTheHubKeepsMethodAndBody() async throws {
    try await RawServer.serving({ [head] request in
      request.target.hasPrefix("/api/models/tester/adapter/")
        ? .reply(307, ["Location": "/api/models/tester/renamed/" + request.target.dropFirst(27)])
        : .reply(200, [:], head)
    }) { server in
      try await withClient(server.endpoint) { client in
        let repo = try RepoID(parsing: repo)
        #expect(try await client.head(of: repo, revision: "main")?.isPrivate == true)
        try await client.createTag(repo, tag: "v1", revision: "main")
      }
      #expect(server.requests.map(\.method) == ["GET", "GET", "POST", "POST"])
      #expect(server.requests[3].target == "/api/models/tester/renamed/tag/main")
      #expect(server.requests[3].body == Array(#"{"tag":"v1"}"#.utf8))
      #expect(server.requests.allSatisfy { $0.headers["authorization"] == "Bearer hf_testwriter" })
    }
  }

  @Test(arguments: [302, 307]) func theTokenDoesNotGoElsewhere(_ status: Int) async throws {
    try await RawServer.serving({ [head] _ in .reply(200, [:], head) }) { other in
      try await RawServer.serving({ .reply(status, ["Location": "\(other.endpoint)\($0.target)"]) }) { hub in
        let error = try await hubError {
          try await withClient(hub.endpoint) { _ = try await $0.head(of: try RepoID(parsing: repo), revision: "main") }
        }
        #expect(error.kind == .invalidReply)
        #expect(error.description.contains(other.endpoint), "\(error)")
      }
      #expect(other.requests.isEmpty)
    }
  }

  @Test func aRedirectInACircleEnds() async throws {
    try await RawServer.serving({ .reply(307, ["Location": $0.target]) }) { server in
      let error = try await hubError {
        try await withClient(server.endpoint) {
          _ = try await $0.head(of: try RepoID(parsing: repo), revision: "main")
        }
      }
      #expect(error.kind == .invalidReply)
      #expect(server.requests.count < 10)
    }
  }

  @Test(arguments: [
    (429, ["Retry-After": "600"], 601), (503, ["Retry-After": "600"], 601),
    (429, ["RateLimit": "\"api\";r=0;t=250"], 251),
  ])
  func aLongPauseIsLeftToTheCaller(_ status: Int, _ headers: [String: String], _ seconds: Int) async throws {
    try await RawServer.serving({ _ in .reply(status, headers, #"{"error":"slow down"}"#) }) { server in
      let error = try await hubError {
        try await withClient(server.endpoint) {
          _ = try await $0.head(of: try RepoID(parsing: repo), revision: "main")
        }
      }
      #expect(error.kind == .rateLimited(retryAfter: .seconds(seconds)))
      #expect(error.message == "slow down")
      #expect(server.requests.count == 1)
    }
  }

  @Test func whatHealsIsRepeated() async throws {
    let count = Mutex(0)
    try await RawServer.serving({ [head] _ in
      let number = count.withLock { count in
        count += 1
        return count
      }
      return switch number {
      case 1: .reply(503)
      case 2: .hangUp
      case 3: .reply(429, ["Retry-After": "0"])
      default: .reply(200, [:], head)
      }
    }) { server in
      let found = try await withClient(server.endpoint) {
        try await $0.head(of: try RepoID(parsing: repo), revision: "exp/1")
      }
      #expect(found != nil)
      #expect(
        server.requests.map(\.target) == Array(repeating: "/api/models/tester/adapter/revision/exp%2F1", count: 4))
      #expect(Set(server.requests.compactMap { $0.headers["x-request-id"] }).count == 4)
    }
  }

  @Test(arguments: [
    (["X-Error-Message": "from the header"], #"{"error":"other"}"#, "from the header"),
    ([:], #"{"error":"one"}"#, "one"), ([:], #"{"error":["one","two"]}"#, "one; two"),
    ([:], #"{"error":"bad","error_description":"because"}"#, "bad; because"),
    ([:], #"{"errors":[{"message":"first"},{"message":"second"}]}"#, "first; second"),
    ([:], "plain\nwords", "plain words"), ([:], "", "no words"),
    ([:], "<?xml?><Error><Code>EntityTooLarge</Code><Message>Too big</Message></Error>", "EntityTooLarge: Too big"),
  ])
  func theHubsWordsAreKept(_ headers: [String: String], _ body: String, _ words: String) async throws {
    let all = headers.merging(["X-Request-Id": "req-1"]) { $1 }
    try await RawServer.serving({ _ in .reply(400, all, body) }) { server in
      let error = try await hubError {
        try await withClient(server.endpoint) { _ = try await $0.validateCard("x") }
      }
      #expect(error.kind == .refused)
      #expect(error.message == words)
      #expect(error.description == "the Hub refused the request (400 at /api/validate-yaml: \(words); request req-1)")
    }
  }

  /// A Hub that says that it made a commit, in which the file is another.
  @Test func aCommitIsNotBelievedButVerified() async throws {
    let commit = String(repeating: "c", count: 40)
    let other = String(repeating: "0", count: 40)
    try await RawServer.serving({ [head] request in
      switch request.target.split(separator: "/").dropFirst(4).first {
      case "preupload": .reply(200, [:], #"{"files":[{"path":"a.json","uploadMode":"regular"}]}"#)
      case "commit": .reply(200, [:], #"{"commitOid":"\#(commit)"}"#)
      case "commits": .reply(200, [:], "[]")
      case "tree": .reply(200, [:], #"[{"type":"file","path":"a.json","size":2,"oid":"\#(other)"}]"#)
      default: .reply(200, [:], head)
      }
    }) { server in
      try await withDirectory { directory in
        let file = try directory.file("a.json", "{}")
        let error = try await hubError {
          try await withClient(server.endpoint) { _ = try await $0.publish(.of([file])) }
        }
        #expect(error.kind == .invalidReply)
        #expect(error.description.contains("does not hold what was published: a.json"), "\(error)")
      }
      #expect(server.requests.filter { $0.target.contains("/commit/") }.count == 1)
    }
  }

  @Test func whatIsNoTokenIsNotSentAndNotPrinted() async throws {
    try await RawServer.serving({ _ in .reply(200, [:], #"{"name":"x"}"#) }) { server in
      let error = try await hubError {
        try await withClient(server.endpoint, token: "hf_one\nhf_two") { _ = try await $0.whoami() }
      }
      #expect(error.kind == .unauthorized)
      #expect(!error.description.contains("hf_"))
      #expect(server.requests.isEmpty)
    }
  }

  @Test func neitherTokenNorSignatureIsLogged() async throws {
    let lines = LogLines()
    var logger = Logger(label: "test", factory: { _ in lines })
    logger.logLevel = .trace
    try await withDirectory { [logger] directory in
      let file = try directory.file("w.bin", noise(1000))
      try await RawServer.serving({ request in
        guard request.method == "POST" else { return .reply(200) }
        let host = request.headers["host"] ?? ""
        return .reply(
          200, [:],
          #"{"objects":[{"oid":"\#(file.sha256)","actions":{"upload":{"href":"http://\#(host)/put?signature=s3cret"}}}]}"#
        )
      }) { server in
        try await withClient(server.endpoint, logger: logger) {
          let sent = try await $0.uploadObjects([file], to: try RepoID(parsing: repo), revision: "main")
          #expect(sent == 1000)
        }
        #expect(server.requests.last?.target == "/put?signature=s3cret")
      }
    }
    let text = lines.all.joined(separator: "\n")
    #expect(text.contains("/put"))
    #expect(!text.contains("s3cret"))
    #expect(!text.contains("hf_"))
  }
}

/// Keeps what is logged, with all metadata.
private struct LogLines: LogHandler {
  private final class Storage: Sendable { let lines = Mutex<[String]>([]) }
  private let storage = Storage()
  var logLevel = Logger.Level.trace
  var metadata: Logger.Metadata = [:]
  var all: [String] { storage.lines.withLock(\.self) }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    storage.lines.withLock { $0.append("\(event.message) \(metadata) \(event.metadata ?? [:])") }
  }
}
