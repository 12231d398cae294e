import Foundation
import Kernel
import SystemPackage
import TestHub
import TestSupport
import Testing

/// The test Hub is worth what the real client says of it: huggingface_hub from PyPI has to get along with it.
@Suite struct RealClientTests {
  /// What `real_client.py` prints.
  private struct Seen: Decodable {
    let user: String
    let first: String
    let again: String
    let files: [String]
    let tree: [String: String]
    let paths: [String]
    let conflict: Int
    let branches: [String]
    let tags: [String: String]
    let history: [String]
    let stranger: Int
    let wrongToken: Int

    private enum CodingKeys: String, CodingKey {
      case user, first, again, files, tree, paths, conflict, branches, tags, history, stranger
      case wrongToken = "wrong token"
    }
  }

  private static var package: FilePath {
    FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
  }

  private static func python() throws -> String {
    let python = Python.path
    try #require(
      FileManager.default.isExecutableFile(atPath: python),
      "no Python with huggingface_hub at \(python): `make test` sets it up, ADAPTERD_PYTHON names another")
    return python
  }

  @Test(.timeLimit(.minutes(10))) func theRealClientGetsAlong() async throws {
    var options = TestHub.Options()
    options.multipartThreshold = 2 * 1024 * 1024
    options.chunkSize = 1024 * 1024
    let python = try Self.python()
    let script = Self.package.appending("Tests/HubTests/real_client.py").string
    try await withTemporaryDirectory { directory in
      try await TestHub.withServer(options) { hub in
        let run = try await Program.run(
          python, [script, directory.string],
          environment: [
            "HF_ENDPOINT": hub.endpoint, "HF_TOKEN": options.token, "HF_HOME": directory.appending("home").string,
            "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1",
          ])
        try #require(run.status == 0, "\(run.errors)\n\(Self.record(hub))")
        let seen = try JSONDecoder().decode(Seen.self, from: Data(run.output.utf8))

        #expect(seen.user == "tester")
        #expect(seen.conflict == 412)
        #expect(seen.wrongToken == 401)
        #expect(seen.stranger == 401)
        // It finds out on its own that the second upload brings nothing new.
        #expect(seen.again == seen.first)
        #expect(seen.history == ["delete", "new", "first", "initial commit"])
        #expect(seen.branches == ["exp/1", "main"])
        #expect(seen.tags == ["step-50": seen.first])
        #expect(seen.paths == ["README.md", "sub"])

        // What it saw through the API is what lies there.
        let first = try #require(hub.commits("tester/real").first { $0.oid == seen.first })
        #expect(Set(seen.files).union([".gitattributes"]) == Set(first.files.keys))
        #expect(Set(seen.tree.keys) == Set(first.files.keys))
        #expect(hub.files("tester/real")["late.txt"] == nil)
        let rules = String(decoding: first.files[".gitattributes"] ?? [], as: UTF8.self)
        #expect(rules.contains("sub/weights.xyz filter=lfs"))

        // It did what it came for: parts, their completion, and all in one commit.
        let puts = hub.requests.filter { $0.method == "PUT" }
        #expect(puts.filter { $0.path.hasPrefix("/storage/parts/") }.count == 4)
        #expect(puts.filter { $0.path.hasPrefix("/storage/objects/") }.count == 1)
        let signed = hub.requests.filter(\.isSigned)
        #expect(Set(signed.map(\.method)) == ["GET", "POST", "PUT"])
        #expect(signed.allSatisfy { $0.headers["authorization"] == nil })
        #expect(puts.allSatisfy { $0.isSigned && $0.bodyLength > 0 && $0.headers["transfer-encoding"] == nil })
        #expect(puts.allSatisfy { $0.status == 200 })
        #expect(hub.requests.contains { $0.path.hasPrefix("/api/complete_multipart/") && $0.status == 200 })
        #expect(hub.requests.contains { $0.path.hasSuffix("/objects/verify") && $0.status == 200 })
        #expect(hub.requests.contains { $0.path.contains("/resolve/") && $0.status == 302 })
        #expect(hub.requests.contains { $0.path == "/api/repos/delete" && $0.status == 200 })
        #expect(hub.isPrivate("tester/gone") == nil)
        #expect(hub.requests.contains { $0.path.contains("/tree/") && $0.query.contains("cursor=") })
      }
    }
  }

  private static func record(_ hub: TestHub) -> String {
    hub.requests.map { "\($0.method) \($0.path)?\($0.query) \($0.status.map(String.init) ?? "-")" }
      .joined(separator: "\n")
  }
}
