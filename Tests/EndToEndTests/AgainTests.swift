import Foundation
import Kernel
import SystemPackage
import TestSupport
import Testing

/// One state makes one commit, whatever happens to the daemon or to the files' times.
@Suite struct AgainTests {
  @Test(.timeLimit(.minutes(10))) func aRestartMakesNoCommitAndHistorySaysWhy() async throws {
    try await withTemporaryDirectory { directory in
      let site = try await published(in: directory)
      let daemon = try await site.start()
      try await daemon.line(with: "[event=unchanged")
      #expect(await daemon.stop() == 0)
      let history = try await site.history()
      #expect(history.map(\.status) == ["published", "unchanged"])
      #expect(history.last?.reason?.contains("not written to since") == true)
      #expect(history.last?.commit == history.first?.commit)
      #expect(try StoreReader(root: site.store).commits("org/adapter").count == 1)
    }
  }

  @Test(.timeLimit(.minutes(10))) func aTouchMakesNoCommitAndHistorySaysWhy() async throws {
    try await withTemporaryDirectory { directory in
      let site = try await published(in: directory)
      let daemon = try await site.start()
      let before = try await daemon.line(with: "[event=unchanged")
      // Opened for writing and closed without a byte, then given another time: what touch(1) does.
      let weights = site.outputs.appending("adapters/adapters.safetensors")
      let touched = try await Program.run("/usr/bin/touch", [weights.string])
      #expect(touched.status == 0)
      try await daemon.line(from: before + 1, with: "byte for byte what is published")
      #expect(await daemon.stop() == 0)
      #expect(try await site.history().last?.reason?.contains("byte for byte") == true)
      #expect(try StoreReader(root: site.store).commits("org/adapter").count == 1)
    }
  }

  @Test(.timeLimit(.minutes(10))) func aLostLedgerIsFoundOutAgainFromTheDestination() async throws {
    try await withTemporaryDirectory { directory in
      let site = try await published(in: directory)
      let ledger = directory.appending("state/ledger.sqlite")
      for suffix in ["-wal", "-shm"] { try removeTree(FilePath(ledger.string + suffix)) }
      try write("this is no database, and long enough to be looked at as one", to: ledger)
      let daemon = try await site.start()
      try await daemon.line(with: "the destination has the same files")
      #expect(daemon.lines.contains { $0.contains("the ledger is damaged") })
      #expect(await daemon.stop() == 0)
      #expect(try names(in: directory.appending("state")).contains { $0.string.hasPrefix("ledger.sqlite.broken-") })
      #expect(try StoreReader(root: site.store).commits("org/adapter").count == 1)
    }
  }

  @Test(.timeLimit(.minutes(10)), arguments: [false, true])
  func aLedgerThatIsDeletedOrDamagedInTheMiddleIsToo(isDeleted: Bool) async throws {
    try await withTemporaryDirectory { directory in
      let site = try await published(in: directory)
      let ledger = directory.appending("state/ledger.sqlite")
      for suffix in ["-wal", "-shm"] { try removeTree(FilePath(ledger.string + suffix)) }
      if isDeleted {
        try removeTree(ledger)
      } else {
        // The second page: what begins the database is whole.
        var bytes = try contents(ledger)
        for index in 4096..<min(8192, bytes.count) { bytes[index] = 0xA5 }
        try write(bytes, to: ledger)
      }
      let daemon = try await site.start()
      try await daemon.line(with: "the destination has the same files")
      #expect(daemon.lines.contains { $0.contains("the ledger is damaged") } == !isDeleted)
      #expect(await daemon.stop() == 0)
      #expect(try StoreReader(root: site.store).commits("org/adapter").count == 1)
    }
  }

  @Test(.timeLimit(.minutes(10))) func publishOnceAndAgainGoesThroughTheSameLedger() async throws {
    try await withTemporaryDirectory { directory in
      let site = try Site(directory)
      try site.configure()
      try copyTree(Fixtures.outputs("mlx-lora"), to: site.outputs)
      let dry = try await site.run("publish", "--dry-run", "--config", site.configuration.string)
      #expect(dry.status == 0 && dry.output.contains("would publish to org/adapter"))
      #expect(StoreReader(root: site.store).repos().isEmpty)
      let first = try await site.run("publish", "--config", site.configuration.string)
      #expect(first.status == 0, "\(first.errors)")
      #expect(first.output.hasPrefix("published org/adapter@"))
      #expect(first.output.contains("counted: config.json (default rule; library mlx)"))
      let second = try await site.run("publish", "--config", site.configuration.string)
      #expect(second.status == 0 && second.output.hasPrefix("unchanged org/adapter@"))
      #expect(try StoreReader(root: site.store).commits("org/adapter").count == 1)
    }
  }

  @Test(.timeLimit(.minutes(10))) func theDaemonsOwnBundleDirectoryDoesNotWakeIt() async throws {
    try await withTemporaryDirectory { directory in
      let site = try Site(directory)
      try site.configure("bundle = \"outputs/hf_bundle\"")
      try copyTree(Fixtures.outputs("mlx-lora"), to: site.outputs)
      var daemon = try await site.start()
      try await daemon.line(with: "[event=published")
      #expect(await daemon.stop() == 0)
      let kept = site.outputs.appending("hf_bundle")
      #expect(try names(in: kept).map(\.string).contains("config.json"))
      // It holds an adapter in every respect; still it is nobody's output.
      daemon = try await site.start()
      try await daemon.line(with: "[event=unchanged")
      #expect(await daemon.stop() == 0)
      #expect(try await site.history().allSatisfy { $0.repo == "org/adapter" && $0.status != "superseded" })
      #expect(try StoreReader(root: site.store).commits("org/adapter").count == 1)
    }
  }

  /// A site whose one adapter was published by a daemon that has stopped.
  private func published(in directory: FilePath) async throws -> Site {
    let site = try Site(directory)
    try site.configure()
    try copyTree(Fixtures.outputs("mlx-lora"), to: site.outputs)
    let daemon = try await site.start()
    try await daemon.line(with: "[event=published")
    #expect(await daemon.stop() == 0)
    return site
  }
}
