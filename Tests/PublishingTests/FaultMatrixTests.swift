import Bundles
import Foundation
import Hub
import Kernel
import Publishing
import SystemPackage
import TestHub
import TestSupport
import Testing

/// Each request of a publication, and each thing that may go wrong with one: in the end there is one commit, and it is
/// right.
@Suite(.timeLimit(.minutes(10))) struct FaultMatrixTests {
  private static let repo = "tester/adapter"

  /// One request of a publication: what the fault is to be put on.
  private struct Step: Hashable, CustomStringConvertible {
    let method: String
    /// Is contained in its path.
    let place: String
    /// How many of the same kind come before it.
    let number: Int
    var description: String { "\(method) \(place) (\(number + 1))" }
  }

  /// What goes wrong.
  private struct Trouble: Sendable {
    let name: String
    let fault: @Sendable (_ method: String, _ place: String) -> TestHub.Fault
  }

  private static func status(_ status: Int, _ headers: [String: String] = [:]) -> Trouble {
    let kind = headers.isEmpty ? "" : " with \(headers.keys.sorted().joined(separator: " and "))"
    return Trouble(name: "\(status)\(kind)") { .status(status, method: $0, at: $1, headers: headers) }
  }

  private static let troubles: [Trouble] =
    [
      Trouble(name: "no answer") { .silence(method: $0, at: $1) },
      Trouble(name: "reset before") { .reset(method: $0, at: $1) },
      Trouble(name: "reset after the effect") { .resetAfterwards(method: $0, at: $1) },
      Trouble(name: "reset in mid-body") { .resetInBody(method: $0, at: $1) },
      Trouble(name: "truncated reply") { .truncateReply(method: $0, at: $1) },
      Trouble(name: "500, but done") { .statusAfterwards(500, method: $0, at: $1) },
      Trouble(name: "garbage") { .garble(method: $0, at: $1) },
      status(429, ["RateLimit": "\"api\";r=0;t=0"]), status(429, ["Retry-After": "0"]),
      status(503, ["Retry-After": "0"]),
    ] + [408, 409, 412, 429, 500, 502, 503, 504].map { status($0) }

  @Test func whateverGoesWrongOnceThereIsOneCommit() async throws {
    let steps = try await run(nil)
    #expect(steps.count >= 15, "\(steps)")
    let cases = steps.flatMap { step in Self.troubles.map { (step, $0) } }
    // Side by side: most of the time is spent in waiting for what does not come.
    try await withThrowingDiscardingTaskGroup { group in
      for first in 0..<Self.width {
        group.addTask {
          for index in stride(from: first, to: cases.count, by: Self.width) { _ = try await run(cases[index]) }
        }
      }
    }
    print("fault matrix: \(steps.count) requests × \(Self.troubles.count) faults = \(cases.count), each one commit")
  }

  private static let width = 8

  /// Publishes to an empty Hub until it is done.
  ///
  /// - Returns: which requests were made.
  private func run(_ wrong: (step: Step, trouble: Trouble)?) async throws -> [Step] {
    try await withTemporaryDirectory { directory in
      var options = TestHub.Options()
      options.multipartThreshold = 20_000
      options.chunkSize = 16_000
      options.pageSize = 3
      return try await TestHub.withServer(options) { hub in
        if let (step, trouble) = wrong {
          var fault = trouble.fault(step.method, step.place)
          fault.after = step.number
          hub.inject(fault)
        }
        let place = wrong.map { "\($0.trouble.name) at \($0.step)" } ?? "nothing wrong"
        // Short where something is to stall; a machine that is busy must not look like that when there is nothing wrong.
        let timeouts = Timeouts(
          idle: .seconds(wrong == nil ? 60 : 1), backoff: .milliseconds(1), retries: 1)
        let row = try await withClient(of: hub, timeouts) { try await Self.publish(directory, by: $0) }
        #expect(row.status == .published, "\(place): \(row.status), \(row.reason ?? "")")
        let commits = hub.commits(Self.repo)
        #expect(commits.filter { $0.title == row.summary }.count == 1, "\(place): \(commits.map(\.title))")
        #expect(row.commit == commits.first?.oid, "\(place)")
        for (name, content) in Self.files { #expect(hub.files(Self.repo)[name] == content, "\(place): \(name)") }
        #expect(hub.tags(Self.repo) == ["step-10": row.commit], "\(place)")
        #expect(hub.hasNoFaultsLeft, "\(place) was not put to the test")
        return Self.steps(hub.requests)
      }
    }
  }

  private static func steps(_ requests: [RecordedRequest]) -> [Step] {
    var counts: [String: Int] = [:]
    return requests.map { request in
      // What follows is of one upload or commit only.
      let api = "/api/models/\(repo)"
      let places = ["/storage/parts/", "/api/complete_multipart/", "\(api)/tree/", "\(api)/commits/", "\(api)/tag/"]
      let unique = places.first { request.path.hasPrefix($0) }
      let place = unique ?? request.path
      let number = counts["\(request.method) \(place)", default: 0]
      counts["\(request.method) \(place)"] = number + 1
      return Step(method: request.method, place: place, number: number)
    }
  }

  private static let files: [String: [UInt8]] = [
    "README.md": Array("---\nlicense: mit\n---\n# An adapter\n".utf8),
    "adapter_config.json": Array("{}".utf8),
    "adapters.safetensors": (0..<40_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) },
    "config.json": Array("{\"model_type\":\"x\"}".utf8),
    "tokenizer.model": (0..<9_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 5) },
  ]

  /// Queues a bundle and does with it what the daemon does, without the waits in between.
  private static func publish(_ directory: FilePath, by client: HubClient) async throws -> Publication {
    let ledger = try Ledger(at: directory.appending("ledger.sqlite"))
    let (queued, _) = try sample(files, in: directory, repo: repo)
    _ = try await ledger.enqueue(queued)
    let publisher = Publisher(
      ledger: ledger, destination: HubDestination(client: client), bundles: directory,
      locks: directory.appending("locks"), report: { _ in })
    let policy = PublishPolicy(minimumInterval: .zero, tag: try TagTemplate(parsing: "step-{iterations}"))
    for _ in 0..<10 {
      guard let next = try await ledger.pending(queued.target) else { break }
      _ = try await publisher.publish(next, policy: policy)
    }
    return try #require(try await ledger.history().first)
  }
}
