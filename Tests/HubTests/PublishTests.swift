import Foundation
import Hub
import Synchronization
import SystemPackage
import TestHub
import Testing

/// Publishing when nothing goes wrong.
@Suite(.timeLimit(.minutes(10))) struct PublishTests {
  private let repo = "tester/adapter"
  private let card = "---\nlibrary_name: peft\n---\n# An adapter\n"

  /// Small enough for a quick test: three parts and a bit.
  static var smallParts: TestHub.Options {
    var options = TestHub.Options()
    options.multipartThreshold = 1024 * 1024
    options.chunkSize = 512 * 1024
    return options
  }

  @Test func createsTheRepoAndMakesOneCommit() async throws {
    let weights = noise(1_700_000, seed: 1)
    let tokenizer = noise(3000, seed: 2)
    try await withDirectory { directory in
      let files = [
        try directory.file("README.md", card), try directory.file("adapter_config.json", #"{"r":8}"#),
        try directory.file("adapter_model.safetensors", weights),
        try directory.file("sub dir/tökenizer.bin", tokenizer),
        try directory.file("empty.safetensors", ""),
      ]
      try await TestHub.withServer(Self.smallParts) { hub in
        let outcome = try await withClient(hub.endpoint) { try await $0.publish(.of(files)) }
        let commits = hub.commits(repo)
        #expect(commits.count == 2)  // the first is the Hub's own, with .gitattributes
        #expect(commits.first?.title == "Publish an adapter")
        #expect(
          outcome
            == .committed(
              commit: try #require(commits.first?.oid), parent: commits.first?.parent,
              bytesUploaded: files.reduce(0) { $0 + $1.size }, remarks: .init()))
        let published = hub.files(repo)
        for file in files {
          #expect(published[file.path].map { Data($0) } == (try Data(contentsOf: URL(filePath: file.source.string))))
        }
        #expect(hub.isPrivate(repo) == true)
        #expect(hub.requests.allSatisfy { $0.status.map { $0 < 300 || $0 == 404 } ?? false })
        expectManners(hub)
        #expect(hub.requests.filter { $0.method == "PUT" }.count == 5)  // four parts and one whole
        #expect(!hub.requests.contains { $0.path.contains("whoami") })
      }
    }
  }

  @Test func theSameAgainIsUnchanged() async throws {
    try await withDirectory { directory in
      let files = [
        try directory.file("README.md", card), try directory.file("w.safetensors", noise(5000)),
        try directory.file("empty.safetensors", ""),
      ]
      try await TestHub.withServer(Self.smallParts) { hub in
        try await withClient(hub.endpoint) { client in
          let upload = try Upload.of(files)
          guard case .committed(let commit, _, _, _) = try await client.publish(upload) else {
            Issue.record("nothing was committed")
            return
          }
          let before = hub.requests.count
          #expect(try await client.publish(upload) == .unchanged(head: commit, remarks: .init()))
          let again = hub.requests.dropFirst(before)
          #expect(!again.contains { $0.method == "PUT" || $0.path.contains("/commit/") || $0.path.contains(".git/") })
          #expect(hub.commits(repo).count == 2)
        }
      }
    }
  }

  @Test func onlyWhatChangedIsUploaded() async throws {
    try await withDirectory { directory in
      let weights = try directory.file("w.safetensors", noise(5000, seed: 1))
      let other = try directory.file("w2.safetensors", noise(6000, seed: 2))
      try await TestHub.withServer { hub in
        try await withClient(hub.endpoint) { client in
          _ = try await client.publish(.of([weights, try directory.file("config.json", "{}")]))
          hub.commitByHand(repo, files: ["theirs.txt": Array("keep".utf8)])
          let puts = hub.requests.filter { $0.method == "PUT" }.count
          let config = try directory.file("config.json", #"{"a":1}"#)
          let outcome = try await client.publish(.of([weights, other, config]))
          guard case .committed(_, _, let bytes, _) = outcome else {
            Issue.record("\(outcome)")
            return
          }
          #expect(bytes == other.size + config.size)
          #expect(hub.requests.filter { $0.method == "PUT" }.count == puts + 1)
          #expect(hub.files(repo)["theirs.txt"] == Array("keep".utf8))
          #expect(hub.files(repo)["config.json"] == Array(#"{"a":1}"#.utf8))
        }
      }
    }
  }

  @Test func equalContentsAreUploadedOnce() async throws {
    try await withDirectory { directory in
      let content = noise(9000)
      let files = try ["a.bin", "b.bin", "c/d.bin"].map { try directory.file($0, content) }
      try await TestHub.withServer { hub in
        _ = try await withClient(hub.endpoint) { try await $0.publish(.of(files)) }
        #expect(hub.requests.filter { $0.method == "PUT" }.count == 1)
        #expect(files.allSatisfy { hub.files(repo)[$0.path] == Array(content) })
      }
    }
  }

  /// More than one call of preupload and one page of the tree are needed for them.
  @Test func manyFilesMakeOneCommit() async throws {
    try await withDirectory { directory in
      let files = try (0..<230).map { try directory.file("d\($0 % 7)/\($0).txt", "file \($0)") }
      try await TestHub.withServer { hub in
        _ = try await withClient(hub.endpoint) { try await $0.publish(.of(files)) }
        #expect(hub.commits(repo).count == 2)
        #expect(files.allSatisfy { hub.files(repo)[$0.path] != nil })
        #expect(hub.requests.filter { $0.path.contains("/preupload/") }.count == 3)
      }
    }
  }

  @Test func whatTheRepoIgnoresIsReported() async throws {
    try await withDirectory { directory in
      let log = try directory.file("train.log", "loss 0.1")
      let config = try directory.file("config.json", "{}")
      try await TestHub.withServer { hub in
        let head = hub.commitByHand(repo, files: [".gitignore": Array("*.log\n".utf8)])
        try await withClient(hub.endpoint) { client in
          #expect(
            try await client.publish(.of([log])) == .unchanged(head: head, remarks: .init(ignored: ["train.log"])))
          guard
            case .committed(_, head, 2, .init(ignored: ["train.log"])) = try await client.publish(.of([log, config]))
          else {
            Issue.record("the rest was not published")
            return
          }
          let newest = try #require(hub.commits(repo).first?.oid)
          #expect(
            try await client.publish(.of([log, config]))
              == .unchanged(head: newest, remarks: .init(ignored: ["train.log"])))
        }
        #expect(hub.files(repo)["train.log"] == nil)
      }
    }
  }

  @Test func aBranchIsCreatedWhereItIsMissing() async throws {
    try await withDirectory { directory in
      let file = try directory.file("config.json", "{}")
      try await TestHub.withServer { hub in
        try await withClient(hub.endpoint) { client in
          _ = try await client.publish(.of([file], revision: "exp/1"))
          #expect(hub.files(repo, revision: "exp/1")["config.json"] == Array("{}".utf8))
          #expect(hub.files(repo)["config.json"] == nil)
          let commit = try #require(hub.commits(repo, revision: "exp/1").first?.oid)
          let repo = try RepoID(parsing: repo)
          try await client.createTag(repo, tag: "v/1", revision: commit)
          try await client.createTag(repo, tag: "v/1", revision: commit)
          #expect(hub.tags("\(repo)") == ["v/1": commit])
          let error = try await hubError { try await client.createTag(repo, tag: "v/1", revision: "main") }
          #expect(error.kind == .refused)
        }
        #expect(hub.requests.contains { $0.path == "/api/models/tester/adapter/commit/exp%2F1" })
      }
    }
  }

  @Test func publicOnlyIfWanted() async throws {
    try await withDirectory { directory in
      let file = try directory.file("config.json", "{}")
      try await TestHub.withServer { hub in
        _ = try await withClient(hub.endpoint) { try await $0.publish(.of([file], isPrivate: false)) }
        #expect(hub.isPrivate(repo) == false)
        _ = try await withClient(hub.endpoint) {
          try await $0.publish(.of([try directory.file("b.json", "{}")], isPrivate: true))
        }
        #expect(hub.isPrivate(repo) == false)
      }
    }
  }

  @Test func aRenamedRepoIsFollowed() async throws {
    try await withDirectory { directory in
      let files = [try directory.file("config.json", "{}"), try directory.file("w.bin", noise(5000))]
      try await TestHub.withServer { hub in
        hub.commitByHand(repo, files: ["a.txt": [1]])
        hub.rename(repo, to: "tester/new-name")
        _ = try await withClient(hub.endpoint) { try await $0.publish(.of(files)) }
        #expect(hub.files("tester/new-name")["config.json"] == Array("{}".utf8))
        #expect(hub.files("tester/new-name")["w.bin"]?.count == 5000)
      }
    }
  }

  @Test func aHubThatCallsItselfByItsPublicName() async throws {
    var options = Self.smallParts
    options.namesPublicHub = true
    try await withDirectory { directory in
      let files = [try directory.file("small.bin", noise(5000)), try directory.file("big.bin", noise(1_200_000))]
      try await TestHub.withServer(options) { hub in
        _ = try await withClient(hub.endpoint) { try await $0.publish(.of(files)) }
        #expect(hub.files(repo)["small.bin"]?.count == 5000)
        #expect(hub.files(repo)["big.bin"]?.count == 1_200_000)
        expectManners(hub)
      }
    }
  }

  @Test func progressIsTold() async throws {
    try await withDirectory { directory in
      let file = try directory.file("w.bin", noise(1_700_000))
      try await TestHub.withServer(Self.smallParts) { hub in
        let seen = Mutex<[Int64]>([])
        _ = try await withClient(hub.endpoint) {
          try await $0.publish(.of([file])) { progress in
            #expect(progress.file == "w.bin")
            #expect(progress.bytesTotal == 1_700_000)
            seen.withLock { $0.append(progress.bytesSent) }
          }
        }
        #expect(seen.withLock { $0 == $0.sorted() && $0.last == 1_700_000 && $0.count > 4 })
      }
    }
  }

  @Test func whoamiIsAskedOnce() async throws {
    try await TestHub.withServer { hub in
      try await withClient(hub.endpoint) { client in
        let names = try await withThrowingTaskGroup(of: String.self) { group in
          for _ in 0..<10 { group.addTask { try await client.whoami().name } }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(names == Array(repeating: "tester", count: 10))
        #expect(try await client.whoami().role == "write")
      }
      #expect(hub.requests.filter { $0.path == "/api/whoami-v2" }.count == 1)
    }
  }

  @Test func theTreeIsReadToItsEnd() async throws {
    try await TestHub.withServer { hub in
      let files = Dictionary(uniqueKeysWithValues: (0..<20).map { ("d/\($0).txt", Array("\($0)".utf8)) })
      hub.commitByHand(repo, files: files)
      let tree = try await withClient(hub.endpoint) { try await $0.tree(try RepoID(parsing: repo), revision: "main") }
      #expect(Set(tree.map(\.path)).isSuperset(of: files.keys))
      #expect(hub.requests.filter { $0.path.contains("/tree/") }.count > 5)
    }
  }

  /// What must hold of every publication.
  private func expectManners(_ hub: TestHub) {
    for request in hub.requests {
      #expect(request.headers["transfer-encoding"] == nil, "\(request.method) \(request.path) is chunked")
      #expect(!request.path.contains("/resolve/"))
      #expect(request.headers["user-agent"] == "adapterd-tests/0")
      if request.isSigned { #expect(request.headers["authorization"] == nil, "a token at \(request.path)") }
    }
    #expect(hub.requests.contains { $0.isSigned })
  }
}
