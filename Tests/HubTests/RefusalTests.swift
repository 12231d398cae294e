import Hub
import SystemPackage
import TestHub
import Testing

/// What the Hub refuses, and how it is said.
@Suite(.timeLimit(.minutes(10))) struct RefusalTests {
  @Test func aWrongToken() async throws {
    try await TestHub.withServer { hub in
      try await withClient(hub.endpoint, token: "hf_wrong") { client in
        for _ in 0..<3 {
          let error = try await hubError { _ = try await client.whoami() }
          #expect(error.kind == .unauthorized)
          #expect(error.description.contains("the Hub refused the token (401 at /api/whoami-v2: Invalid"), "\(error)")
          #expect(error.description.hasSuffix("make a write token at \(hub.endpoint)/settings/tokens"), "\(error)")
          #expect(!error.description.contains("hf_wrong"))
        }
        #expect(hub.requests.count == 1)
        try await withDirectory { directory in
          let file = try directory.file("config.json", "{}")
          let error = try await hubError { _ = try await client.publish(.of([file])) }
          #expect(error.kind == .unauthorized)
        }
      }
      #expect(!hub.requests.contains { $0.method != "GET" })
    }
  }

  @Test func aTokenThatMayOnlyRead() async throws {
    try await TestHub.withServer { hub in
      try await withDirectory { directory in
        let file = try directory.file("config.json", "{}")
        let error = try await hubError {
          try await withClient(hub.endpoint, token: "hf_testreader") { _ = try await $0.publish(.of([file])) }
        }
        #expect(error.kind == .forbidden)
        #expect(error.description.contains("write access"), "\(error)")
      }
    }
  }

  @Test func aForeignNamespace() async throws {
    try await TestHub.withServer { hub in
      try await withDirectory { directory in
        let file = try directory.file("config.json", "{}")
        let error = try await hubError {
          try await withClient(hub.endpoint) { _ = try await $0.publish(.of([file], to: "foreign/x")) }
        }
        #expect(error.kind == .forbidden)
        #expect(hub.commits("foreign/x").isEmpty)
      }
    }
  }

  @Test func aMissingRepoThatIsNotToBeCreated() async throws {
    try await TestHub.withServer { hub in
      try await withDirectory { directory in
        let file = try directory.file("config.json", "{}")
        let error = try await hubError {
          try await withClient(hub.endpoint) { _ = try await $0.publish(.of([file], createIfMissing: false)) }
        }
        #expect(error.kind == .notFound)
        #expect(error.description.contains("tester/adapter"), "\(error)")
        #expect(error.description.contains("create = true"), "\(error)")
      }
      #expect(!hub.requests.contains { $0.method == "POST" })
    }
  }

  @Test func aCardWithErrors() async throws {
    try await TestHub.withServer { hub in
      try await withDirectory { directory in
        let files = [
          try directory.file("README.md", "---\nlicense: [\n---\n"), try directory.file("w.bin", noise(2000)),
        ]
        let error = try await hubError { try await withClient(hub.endpoint) { _ = try await $0.publish(.of(files)) } }
        #expect(error.kind == .refused)
        #expect(error.path == "/api/validate-yaml")
        #expect(hub.commits("tester/adapter").count <= 1)
        #expect(!hub.requests.contains { $0.method == "PUT" })
      }
    }
  }

  @Test func aFileThatChangedAfterItWasHashed() async throws {
    try await TestHub.withServer { hub in
      try await withDirectory { directory in
        let file = try directory.file("w.bin", noise(2000))
        let shorter = UploadFile(
          path: file.path, source: file.source, size: file.size + 1, sha256: file.sha256, gitBlobSHA1: file.gitBlobSHA1)
        let error = try await hubError {
          try await withClient(hub.endpoint) { _ = try await $0.publish(.of([shorter])) }
        }
        #expect(error.kind == .refused)
        #expect(error.description.contains(file.source.string), "\(error)")
        #expect(hub.files("tester/adapter")["w.bin"] == nil)
      }
    }
  }

  @Test(arguments: ["../x", "/x", "a//b", "a/./b", ".git/config", "a/.cache/b", "", "a\nb", "a/"])
  func aPathThatCannotBe(_ path: String) async throws {
    try await withDirectory { directory in
      let file = try directory.file(path, "{}")
      let error = try await hubError {
        try await withClient("http://127.0.0.1:1") { _ = try await $0.publish(.of([file])) }
      }
      #expect(error.kind == .refused)
    }
  }

  @Test func whoIsAnonymousLearnsNothingOfAPrivateRepo() async throws {
    try await TestHub.withServer { hub in
      let error = try await hubError {
        try await withClient(hub.endpoint, token: nil) {
          _ = try await $0.head(of: try RepoID(parsing: "tester/missing"), revision: "main")
        }
      }
      #expect(error.kind == .unauthorized)
      let head = try await withClient(hub.endpoint) {
        try await $0.head(of: try RepoID(parsing: "tester/missing"), revision: "main")
      }
      #expect(head == nil)
    }
  }
}
