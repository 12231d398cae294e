import Foundation
import Kernel
import SystemPackage
import TestHub
import TestSupport
import Testing

/// What is to be published is published, once, whatever becomes of the Hub, the token and the daemon meanwhile.
@Suite(.timeLimit(.minutes(10))) struct OutboxTests {
  private static let repo = "tester/adapter"
  private static let token = TestHub.Options().token

  @Test func whatTheHubRefusesIsKeptUntilTheReasonIsMended() async throws {
    try await TestHub.withServer { hub in
      try await withTemporaryDirectory { directory in
        let site = try Site(directory, endpoint: hub.endpoint, token: Self.token)
        try site.configure(repo: Self.repo, "create = false")
        try MadeAdapter(version: 1).write(to: site.outputs.appending("run"))
        let daemon = try await site.start()
        try await daemon.line(with: "it is kept, and tried again after a reload or a restart")
        #expect(try await site.history().map(\.status) == ["refused"])
        hub.createRepo(Self.repo)
        daemon.send(SIGHUP)
        try await daemon.line(with: "published \(Self.repo)@")
        #expect(await daemon.stop() == 0)
        // The look at everything after the reload may find it published.
        #expect(try await site.history().map(\.status).filter { $0 != "unchanged" } == ["published"])
        #expect(hub.files(Self.repo)[MadeAdapter.weightsName] == MadeAdapter(version: 1).weights)
        #expect(hub.commits(Self.repo).count == 2)
        #expect(try names(in: directory.appending("state/bundles")).isEmpty)
      }
    }
  }

  /// Takes all the space of a small file system, until the file at the path that it returns is removed.
  private static func fill(_ directory: FilePath) throws -> FilePath {
    let path = directory.appending("filler")
    let file = try FileDescriptor.open(
      path, .writeOnly, options: [.create, .closeOnExec], permissions: .ownerReadWrite)
    let block = [UInt8](repeating: 0, count: 4096)
    while (try? file.writeAll(block)) != nil {}
    try file.close()
    return path
  }

  /// A daemon whose state is on a disk that is soon full, and where that is.
  private func withSmallDisk(_ body: (TestHub, Site, RunningProgram, _ state: FilePath) async throws -> Void)
    async throws
  {
    try await TestHub.withServer { hub in
      try await withTemporaryDirectory { directory in
        let site = try Site(directory, endpoint: hub.endpoint, token: Self.token)
        try site.configure(repo: Self.repo)
        let state = directory.appending("state")
        try await Mounts.withTmpfs(at: state, "size=8m") {
          let daemon = try await site.start()
          try await body(hub, site, daemon, state)
          #expect(await daemon.stop() == 0)
          #expect(hub.commits(Self.repo).count == 2)
          #expect(try await site.history().filter { $0.status == "published" }.count == 1)
          #expect(try names(in: state.appending("bundles")).isEmpty)
        }
      }
    }
  }

  /// The commit is made, and the disk has just become full.
  @Test(.enabled(if: Mounts.areAllowed)) func aLedgerThatCannotBeWrittenHoldsUpAndDoublesNothing() async throws {
    try await withSmallDisk { hub, site, daemon, state in
      hub.inject(.before("/commit/") { _ = try Self.fill(state) })
      try MadeAdapter(version: 1).write(to: site.outputs.appending("run"))
      try await daemon.line(with: "nothing is published while the ledger cannot be written")
      #expect(hub.files(Self.repo)[MadeAdapter.weightsName] == MadeAdapter(version: 1).weights)
      try removeTree(state.appending("filler"))
      try await daemon.line(with: "published \(Self.repo)@")
    }
  }

  @Test(.enabled(if: Mounts.areAllowed)) func aFullDiskIsSaidAndWhenThereIsSpaceItGoesOn() async throws {
    try await withSmallDisk { hub, site, daemon, state in
      let filler = try Self.fill(state)
      let run = site.outputs.appending("run")
      try MadeAdapter(version: 1).write(to: run)
      try await daemon.line { $0.contains("[event=failed") && $0.contains("No space left on device") }
      try removeTree(filler)
      // It would be looked at again by itself in a minute.
      try MadeAdapter(version: 2).write(to: run)
      try await daemon.line(with: "published \(Self.repo)@")
      #expect(hub.files(Self.repo)[MadeAdapter.weightsName] == MadeAdapter(version: 2).weights)
    }
  }

  /// A daemon with one state to publish to `hub`.
  private func withSite(_ hub: TestHub, _ body: (Site) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
      let site = try Site(directory, endpoint: hub.endpoint, token: Self.token)
      try site.configure(repo: Self.repo)
      try MadeAdapter(version: 1).write(to: site.outputs.appending("run"))
      try await body(site)
    }
  }

  private func expectOneCommitInTheEnd(_ hub: TestHub, _ site: Site) async throws {
    let again = try await site.start()
    try await again.line { $0.contains("[event=published") || $0.contains("[event=unchanged") }
    #expect(await again.stop() == 0)
    #expect(hub.commits(Self.repo).count == 2)
    #expect(hub.files(Self.repo)[MadeAdapter.weightsName] == MadeAdapter(version: 1).weights)
    #expect(try await site.history().filter { $0.status == "published" }.count == 1)
    #expect(try names(in: site.directory.appending("state/bundles")).isEmpty)
  }

  @Test func anUploadIsLeftForTheNextStart() async throws {
    try await TestHub.withServer { hub in
      try await withSite(hub) { site in
        hub.inject(.silence(method: "PUT", at: "/storage/"))
        let daemon = try await site.start()
        await hub.wait { hub.hasNoFaultsLeft }
        #expect(await daemon.stop() == 0)
        #expect(hub.commits(Self.repo).count == 1)
        try await expectOneCommitInTheEnd(hub, site)
      }
    }
  }

  @Test func aCommitIsFinishedFirst() async throws {
    try await TestHub.withServer { hub in
      try await withSite(hub) { site in
        let daemon = try await site.start()
        hub.inject(
          .before("/commit/") {
            daemon.send(SIGTERM)
            try await daemon.line(with: "info stopping")
          })
        #expect(await daemon.ended() == 0)
        #expect(daemon.lines.contains { $0.contains("published \(Self.repo)@") }, "\(daemon.lines)")
        #expect(try await site.history().map(\.status) == ["published"])
        try await expectOneCommitInTheEnd(hub, site)
      }
    }
  }

  @Test func whoAsksTwiceNeedNotWait() async throws {
    try await TestHub.withServer { hub in
      try await withSite(hub) { site in
        hub.inject(.silence(at: "/commit/"))
        let daemon = try await site.start()
        await hub.wait { hub.hasNoFaultsLeft }
        daemon.send(SIGTERM)
        try await daemon.line(with: "info stopping")
        #expect(await daemon.stop(SIGTERM) == 128 + SIGTERM)
        try await expectOneCommitInTheEnd(hub, site)
      }
    }
  }

  /// A pause that the Hub asked for is no reason to wait.
  @Test func aStopAndAReloadDoNotWaitForWhatIsNotDue() async throws {
    try await TestHub.withServer { hub in
      try await withSite(hub) { site in
        hub.inject(.status(429, at: "/commit/", headers: ["RateLimit": "\"commits\";r=0;t=1800"]))
        let daemon = try await site.start()
        try await daemon.line(with: "[event=retry")
        daemon.send(SIGHUP)
        try await daemon.line(with: "the configuration was read again")
        try await daemon.line(with: "[event=config-reloaded")
        #expect(await daemon.stop() == 0)
        #expect(try await site.history().map(\.status) == ["queued"])
      }
    }
  }

  @Test func publishingByHandBesideTheDaemonMakesNoSecondCommit() async throws {
    try await TestHub.withServer { hub in
      try await withSite(hub) { site in
        let mayGoOn = Gate()
        let begun = Gate()
        hub.inject(
          .before("/commit/") {
            begun.open()
            await mayGoOn.wait()
          })
        async let byHand = site.run("publish", "--config", site.configuration.string)
        await begun.wait()
        let daemon = try await site.start()
        try await daemon.line(with: "another adapterd is publishing to it")
        mayGoOn.open()
        let result = try await byHand
        #expect(result.status == 0 && result.output.hasPrefix("published \(Self.repo)@"), "\(result)")
        // What comes next goes to the same repo, and so after what waited.
        try MadeAdapter(version: 2).write(to: site.outputs.appending("run"))
        try await daemon.line(with: "published \(Self.repo)@")
        #expect(await daemon.stop() == 0)
        let versions = hub.commits(Self.repo).compactMap { $0.files[MadeAdapter.weightsName]?.last }
        #expect(versions == [2, 1])
        #expect(hub.requests.count { $0.path.contains("/commit/") } == 2)
      }
    }
  }

  /// Two machines that watch one tree: they share no ledger, only the tree and the repo.
  @Test func twoDaemonsOnOneTreePublishNothingTwice() async throws {
    let states: UInt8 = 50
    try await TestHub.withServer { hub in
      try await withTemporaryDirectory { directory in
        let sites = try ["one", "two"].map { name in
          var site = try Site(directory, endpoint: hub.endpoint, token: Self.token)
          site.environment["STATE_DIRECTORY"] = directory.appending("state-\(name)").string
          site.environment["RUNTIME_DIRECTORY"] = directory.appending("run-\(name)").string
          return site
        }
        try sites[0].configure(repo: "tester/{directory}", settle: "50ms")
        let daemons = [try await sites[0].start(), try await sites[1].start()]
        let run = sites[0].outputs.appending("adapter")
        for version in 1...states {
          let before = hub.commits(Self.repo).count
          try MadeAdapter(version: version).write(to: run)
          // Every third one comes while the one before is still being published.
          if version % 3 != 0 { await hub.wait { hub.commits(Self.repo).count > before } }
        }
        await hub.wait {
          hub.files(Self.repo)[MadeAdapter.weightsName] == MadeAdapter(version: states).weights
        }
        // Each has looked at all there is when it has dealt with what came last.
        try MadeAdapter(version: 255).write(to: sites[0].outputs.appending("last"))
        for daemon in daemons {
          try await daemon.line { line in
            ["published", "unchanged"].contains { line.contains("[event=\($0)") } && line.contains("tester/last")
          }
        }
        for daemon in daemons { #expect(await daemon.stop() == 0) }
        let weights = hub.commits(Self.repo).compactMap { $0.files[MadeAdapter.weightsName] }
        #expect(Set(weights).count == weights.count, "\(weights.map { $0.last ?? 0 })")
        #expect(weights.count <= Int(states))
        // Newest first: no older state went on top of a newer one.
        #expect(weights.map { $0.last ?? 0 } == weights.map { $0.last ?? 0 }.sorted(by: >))
        #expect(weights.first == MadeAdapter(version: states).weights)
      }
    }
  }
}
