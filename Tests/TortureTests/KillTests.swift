import Foundation
import Kernel
import SystemPackage
import TestHub
import TestSupport
import Testing

/// However often the daemon is killed, and wherever it is just then, each state makes one commit at most, and the last is
/// published in the end.
@Suite(.serialized, .timeLimit(.minutes(60))) struct KillTests {
  private static let repo = "tester/run"
  private static let options: TestHub.Options = {
    var options = TestHub.Options()
    // So that parts and pages are among the places at which it can end.
    options.multipartThreshold = 10_000
    options.chunkSize = 6_000
    return options
  }()

  @Test func `killed at any time it publishes each state once`() async throws {
    let lives = Torture.size(short: 50, full: 1000)
    var dice = Dice(stream: 7)
    try await TestHub.withServer(Self.options) { hub in
      try await withTemporaryDirectory { directory in
        let site = try Site(directory, endpoint: hub.endpoint, token: Self.options.token)
        try site.configure(repo: "tester/{directory}", settle: "20ms")
        var killed: [String: Int] = [:]
        var version = 0
        var weights: [[UInt8]: Int] = [:]
        for _ in 0..<lives {
          // What is not published yet is left for the next life, half of the time.
          if version == 0 || dice.once(in: 2) {
            version += 1
            weights[try Self.write(version, to: site.outputs.appending("run"))] = version
          }
          let daemon = try RunningProgram(
            "adapterd", ["run", "--config", site.configuration.string], environment: site.environment)
          killed[await Self.kill(daemon, hub, &dice), default: 0] += 1
        }
        let last = try await site.start()
        await hub.wait { hub.files(Self.repo)[Self.weightsName].flatMap { weights[$0] } == version }
        _ = try Self.write(1, to: site.outputs.appending("last"))
        try await last.line(with: "published tester/last@")
        #expect(await last.stop() == 0)
        try await Self.check(hub, site, weights)
        let ways = killed.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        Torture.say("\(lives) lives, killed \(ways); \(version) states, \(hub.commits(Self.repo).count - 1) commits")
      }
    }
  }

  private static let weightsName = "adapters.safetensors"

  /// - Returns: the weights that were written.
  private static func write(_ version: Int, to directory: FilePath) throws -> [UInt8] {
    let adapter = VersionedAdapter(layout: .mlx, version: version, rank: 64)
    try TestSupport.write(adapter.weights, to: directory.appending(weightsName))
    try TestSupport.write(adapter.config, to: directory.appending(VersionedAdapter.configName))
    return adapter.weights
  }

  /// Lets the daemon live for a moment, or up to some request.
  ///
  /// - Returns: how it ended.
  private static func kill(_ daemon: RunningProgram, _ hub: TestHub, _ dice: inout Dice) async -> String {
    // Whatever else was meant: where there is nothing to publish, no request comes.
    let longest = Duration.milliseconds(dice.roll(0...600))
    var way = "at some time"
    if dice.roll(1...3) > 1 {
      let isBefore = dice.once(in: 2)
      way = isBefore ? "before a request" : "after a request"
      let kill: @Sendable () -> Void = { daemon.send(SIGKILL) }
      var fault = isBefore ? TestHub.Fault.before("/", kill) : TestHub.Fault.after("/", kill)
      fault.after = dice.roll(0...20)
      hub.inject(fault)
    }
    await withDiscardingTaskGroup { group in
      group.addTask {
        try? await Task.sleep(for: longest)
        if !Task.isCancelled { daemon.send(SIGKILL) }
      }
      #expect(await daemon.ended() == 128 + SIGKILL)
      group.cancelAll()
    }
    hub.takeBackFaults()
    return way
  }

  /// One commit for a state at most, in their order, and nothing left behind.
  private static func check(_ hub: TestHub, _ site: Site, _ weights: [[UInt8]: Int]) async throws {
    let commits = hub.commits(repo).filter { $0.title.hasPrefix("Publish") }
    let versions = commits.map { $0.files[weightsName].flatMap { weights[$0] } ?? 0 }
    #expect(Set(versions).count == versions.count, "seed \(Torture.seed): \(versions)")
    #expect(versions == versions.sorted(by: >), "seed \(Torture.seed): \(versions)")
    #expect(!versions.contains(0))
    let history = try await site.history().filter { $0.repo == repo }
    let published = history.filter { $0.status == "published" }.compactMap(\.commit)
    #expect(Set(published) == Set(commits.map(\.oid)), "seed \(Torture.seed)")
    #expect(published.count == commits.count, "seed \(Torture.seed)")
    #expect(!history.contains { ["queued", "committing"].contains($0.status) })
    #expect(try names(in: site.directory.appending("state/bundles")).isEmpty)
  }
}
