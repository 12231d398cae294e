import Foundation
import Hub
import Synchronization
import SystemPackage
import TestHub
import Testing

/// Publishing when something goes wrong on the way.
@Suite(.timeLimit(.minutes(10))) struct FaultTests {
  private let repo = "tester/adapter"

  /// Publishes two files, of which one goes by LFS, to a Hub that was prepared.
  private func publish(
    _ options: TestHub.Options = .init(), timeouts: Timeouts = quick,
    when prepare: (TestHub) throws -> Void,
    _ check: (TestHub, Result<Outcome, any Error>) async throws -> Void
  ) async throws {
    try await withDirectory { directory in
      let files = [
        try directory.file("config.json", #"{"ours":true}"#), try directory.file("w.safetensors", noise(40_000)),
      ]
      try await TestHub.withServer(options) { hub in
        hub.commitByHand(repo, files: ["theirs.txt": Array("keep".utf8)])
        try prepare(hub)
        let outcome: Result<Outcome, any Error>
        do {
          outcome = .success(
            try await withClient(hub.endpoint, timeouts: timeouts) { try await $0.publish(.of(files)) })
        } catch {
          outcome = .failure(error)
        }
        try await check(hub, outcome)
        #expect(hub.files(repo)["theirs.txt"] == Array("keep".utf8))
      }
    }
  }

  private func expectOneCommit(
    _ hub: TestHub, _ outcome: Result<Outcome, any Error>, at location: SourceLocation = #_sourceLocation
  ) throws {
    let commits = hub.commits(repo)
    let ours = commits.filter { $0.title == "Publish an adapter" }
    #expect(ours.count == 1, sourceLocation: location)
    #expect(hub.files(repo)["config.json"] == Array(#"{"ours":true}"#.utf8), sourceLocation: location)
    #expect(hub.files(repo)["w.safetensors"] == Array(noise(40_000)), sourceLocation: location)
    guard case .committed(let commit, let parent, _, _) = try outcome.get() else {
      Issue.record("\(outcome)", sourceLocation: location)
      return
    }
    #expect(commit == ours.first?.oid, sourceLocation: location)
    #expect(parent == ours.first?.parent, sourceLocation: location)
  }

  @Test func aLostReplyOfTheCommitMakesNoSecond() async throws {
    try await publish(when: { $0.inject(.loseReplyAfterCommit) }) { hub, outcome in
      try expectOneCommit(hub, outcome)
      #expect(hub.requests.filter { $0.path.contains("/commit/") }.count == 1)
    }
  }

  @Test func aGatewayTimeoutAfterTheCommitMakesNoSecond() async throws {
    try await publish(when: { $0.inject(.statusAfterwards(504, at: "/commit/")) }) { hub, outcome in
      try expectOneCommit(hub, outcome)
    }
  }

  @Test func aLostCommitIsMadeAgain() async throws {
    try await publish(when: { $0.inject(.loseRequest(times: 2, at: "/commit/")) }) { hub, outcome in
      try expectOneCommit(hub, outcome)
      #expect(hub.requests.filter { $0.path.contains("/commit/") }.count == 3)
      #expect(hub.requests.filter { $0.method == "PUT" }.count == 1)
    }
  }

  /// The reply was lost, and before the head could be read, somebody else committed on top.
  @Test func aLostReplyUnderneathAnothersCommit() async throws {
    try await publish(when: { hub in
      hub.inject(.loseReplyAfterCommit)
      // The first look at the head comes before the commit.
      hub.inject(
        .before("/revision/", times: 2) { [repo] in
          if hub.commits(repo).first?.title == "Publish an adapter" {
            hub.commitByHand(repo, files: ["on-top.txt": [1]])
          }
        })
    }) { hub, outcome in
      #expect(hub.commits(repo).filter { $0.title == "Publish an adapter" }.count == 1)
      guard case .committed = try outcome.get() else {
        Issue.record("\(outcome)")
        return
      }
      #expect(hub.files(repo)["on-top.txt"] == [1])
    }
  }

  @Test(arguments: ["/preupload/", "/commit/"])
  func aHeadThatMovesIsFollowed(_ place: String) async throws {
    try await publish(when: { hub in
      hub.inject(
        .before(place) { [repo] in
          hub.commitByHand(repo, files: ["new.txt": Array("new".utf8), "config.json": Array("theirs".utf8)])
        })
    }) { hub, outcome in
      try expectOneCommit(hub, outcome)
      #expect(hub.files(repo)["new.txt"] == Array("new".utf8))
      #expect(hub.requests.contains { $0.status == 412 })
      #expect(hub.requests.filter { $0.method == "PUT" }.count == 1)
    }
  }

  @Test func aHeadThatNeverRestsIsGivenUp() async throws {
    try await publish(when: { hub in
      let count = Mutex(0)
      hub.inject(
        .before("/commit/", times: 100) { [repo] in
          let number = count.withLock { count in
            count += 1
            return count
          }
          hub.commitByHand(repo, files: ["busy.txt": Array("\(number)".utf8)])
        })
    }) { hub, outcome in
      let error = try #require(throws: HubError.self) { try outcome.get() }
      #expect(error.kind == .conflict)
      #expect(hub.requests.filter { $0.path.contains("/commit/") }.count == 5)
    }
  }

  /// Somebody else publishes just what we wanted to.
  @Test func whatAnotherHasPublishedMeanwhileIsUnchanged() async throws {
    try await withDirectory { directory in
      let file = try directory.file("config.json", "{}")
      try await TestHub.withServer { hub in
        hub.commitByHand(repo, files: ["a.txt": [1]])
        hub.inject(.before("/commit/") { [repo] in hub.commitByHand(repo, files: ["config.json": Array("{}".utf8)]) })
        let outcome = try await withClient(hub.endpoint) { try await $0.publish(.of([file])) }
        #expect(outcome == .unchanged(head: try #require(hub.commits(repo).first?.oid), remarks: .init()))
        #expect(hub.commits(repo).count == 3)
      }
    }
  }

  @Test(arguments: ["/revision/", "/preupload/", ".git/info/lfs/objects/batch", "/tree/", "/commit/"])
  func serverErrorsHeal(_ place: String) async throws {
    try await publish(when: { $0.inject(.status(503, times: 2, at: place)) }) { try expectOneCommit($0, $1) }
  }

  @Test(arguments: ["/revision/", "/preupload/", ".git/info/lfs/objects/batch", "/tree/", "/commit/"])
  func tooManyRequestsHeal(_ place: String) async throws {
    try await publish(when: {
      $0.inject(.status(429, at: place, headers: ["Retry-After": "0"]))
    }) { try expectOneCommit($0, $1) }
  }

  @Test func aQuotaOfCommitsIsLeftToTheCaller() async throws {
    try await publish(when: {
      $0.inject(.status(429, at: "/commit/", headers: ["RateLimit": "\"commits\";r=0;t=1800"]))
    }) { hub, outcome in
      let error = try #require(throws: HubError.self) { try outcome.get() }
      #expect(error.kind == .rateLimited(retryAfter: .seconds(1801)))
      #expect(hub.requests.filter { $0.path.contains("/commit/") }.count == 1)
    }
  }

  @Test func aLostUploadIsRepeated() async throws {
    try await publish(when: {
      $0.inject(.status(500, method: "PUT", at: "/"))
      $0.inject(.status(503, method: "PUT", at: "/"))
    }) { hub, outcome in
      try expectOneCommit(hub, outcome)
      #expect(hub.requests.filter { $0.method == "PUT" }.count == 3)
    }
  }

  @Test func anExpiredURLIsAskedForAgainOnce() async throws {
    try await publish(when: { $0.inject(.status(403, method: "PUT", at: "/")) }) { hub, outcome in
      try expectOneCommit(hub, outcome)
      #expect(hub.requests.filter { $0.path.hasSuffix("/objects/batch") }.count == 2)
    }
    var options = TestHub.Options()
    options.signedURLLifetime = -1
    try await publish(options, when: { _ in }) { hub, outcome in
      let error = try #require(throws: HubError.self) { try outcome.get() }
      #expect(error.kind == .forbidden)
      #expect(hub.requests.filter { $0.path.hasSuffix("/objects/batch") }.count == 2)
      #expect(hub.commits(repo).count == 2)
    }
  }

  @Test func objectsThatTheHubForgotAreUploadedAgain() async throws {
    try await publish(when: { hub in
      hub.inject(.before("/commit/") { [repo] in hub.forgetObjects(repo) })
    }) { hub, outcome in
      try expectOneCommit(hub, outcome)
      #expect(hub.requests.filter { $0.method == "PUT" }.count == 2)
    }
  }

  @Test func aSilentHubEndsByTheIdleTimeout() async throws {
    // With repetitions, for on a busy machine another request may stand still for as long.
    let timeouts = Timeouts(idle: .seconds(2), backoff: .milliseconds(1), retries: 3)
    try await publish(timeouts: timeouts, when: { $0.inject(.silence(times: 100, at: "/preupload/")) }) {
      hub, outcome in
      let error = try #require(throws: HubError.self) { try outcome.get() }
      #expect(error.kind == .unavailable)
      #expect(error.description.contains("silence for 2 s"), "\(error)")
      #expect(error.path?.contains("/preupload/") == true)
    }
  }

  @Test func aCommitThatMeetsSilenceIsMadeAgain() async throws {
    let timeouts = Timeouts(idle: .seconds(2), backoff: .milliseconds(1))
    try await publish(timeouts: timeouts, when: { $0.inject(.silence(at: "/commit/")) }) { hub, outcome in
      try expectOneCommit(hub, outcome)
    }
  }
}
