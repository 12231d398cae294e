import Foundation
import SystemPackage
import TestHub
import TestSupport
import Testing
import TrainingReplay

/// Recorded trainings, played into a watched tree at three paces: each ends published, on a store and on a Hub.
@Suite struct SessionTests {
  @Test(.timeLimit(.minutes(10)), arguments: Training.all, Pace.allCases)
  func endsPublishedInTheStore(training: Training, pace: Pace) async throws {
    try await withTemporaryDirectory { directory in
      let site = try Site(directory)
      try site.configure(interval: "1s")
      let daemon = try await site.start()
      var player = try training.player(into: site.outputs, pace.options)
      try await player.play()
      let store = StoreReader(root: site.store)
      try await finished(daemon, training) { try store.files("org/adapter", at: store.head("org/adapter")) }
      #expect(await daemon.stop() == 0)
      for commit in try store.commits("org/adapter") { try training.expectWhole(commit) }
      try await expectIntervals(site, commits: store.commits("org/adapter").count)
    }
  }

  @Test(.timeLimit(.minutes(10)), arguments: Training.all, Pace.allCases)
  func endsPublishedOnTheHub(training: Training, pace: Pace) async throws {
    try await TestHub.withServer { hub in
      try await withTemporaryDirectory { directory in
        let site = try Site(directory, endpoint: hub.endpoint, token: TestHub.Options().token)
        try site.configure(interval: "1s")
        let daemon = try await site.start()
        var player = try training.player(into: site.outputs, pace.options)
        try await player.play()
        try await finished(daemon, training) { hub.files("org/adapter") }
        #expect(await daemon.stop() == 0)
        // The first commit is the Hub's own, of .gitattributes.
        let commits = hub.commits("org/adapter").dropLast()
        for commit in commits { try training.expectWhole(commit.files) }
        try await expectIntervals(site, commits: commits.count)
        expectManners(hub)
      }
    }
  }

  /// Each save of a training is one commit when the interval allows it; the last rewrite of the same weights is none.
  @Test(.timeLimit(.minutes(10)), arguments: Training.all.filter { $0.session == "mlx" || $0.session == "peft" })
  func everySaveIsACommit(training: Training) async throws {
    try await withTemporaryDirectory { directory in
      let site = try Site(directory)
      try site.configure()
      let daemon = try await site.start()
      var player = try training.player(into: site.outputs, .init(speed: 0))
      var seen = 0
      for save in 1...3 {
        try await player.play(upTo: .save(save))
        // The last recorded save and the end of the training are one burst.
        seen = try await daemon.line(from: seen, with: "at iteration \(save * 10) [event=published") + 1
      }
      try await player.play()
      // A finding about the end is a row of the ledger, or no row since nothing differs; never a commit.
      #expect(await daemon.stop() == 0)
      let history = try await site.history().filter { $0.status == "published" }
      #expect(history.map(\.iterations) == [10, 20, 30])
      #expect(try StoreReader(root: site.store).commits("org/adapter").count == 3)
    }
  }

  @Test(.timeLimit(.minutes(10)), arguments: Training.all.filter { $0.session == "mlx" || $0.session == "peft" })
  func finalPublishesTheEndOnly(training: Training) async throws {
    try await withTemporaryDirectory { directory in
      let site = try Site(directory)
      try site.configure("when = \"final\"")
      let daemon = try await site.start()
      var player = try training.player(into: site.outputs)
      try await player.play()
      let store = StoreReader(root: site.store)
      try await finished(daemon, training) { try store.files("org/adapter", at: store.head("org/adapter")) }
      #expect(await daemon.stop() == 0)
      let commits = try store.commits("org/adapter")
      #expect(commits.count == 1)
      #expect(try commits.first?[training.weightsName] == training.finalWeights)
    }
  }

  /// Waits until what is published is the training's end: its weights, and its iterations said.
  private func finished(
    _ daemon: RunningProgram, _ training: Training, _ files: () throws -> [String: [UInt8]]
  ) async throws {
    struct Meta: Decodable { let training_iterations: Int? }
    let weights = try training.finalWeights
    var next = 0
    while true {
      next =
        try await daemon.line(from: next) { $0.contains("[event=published") || $0.contains("[event=unchanged") } + 1
      guard let published = try? files(), published[training.weightsName] == weights,
        let meta = published["run_meta.json"],
        try JSONDecoder().decode(Meta.self, from: Data(meta)).training_iterations == training.iterations
      else { continue }
      return
    }
  }

  /// As many commits as the ledger has published, and never two closer than `min_interval`.
  private func expectIntervals(_ site: Site, commits: Int) async throws {
    let published = try await site.history().filter { $0.status == "published" }
    #expect(published.count == commits && commits >= 1)
    let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    let times = try published.map { try style.parse($0.updated) }
    for (one, next) in zip(times, times.dropFirst()) { #expect(next.timeIntervalSince(one) >= 0.999) }
  }

  /// What the Hub saw: nothing that counts as a download, no token where it does not belong, one whoami at the most.
  private func expectManners(_ hub: TestHub) {
    let requests = hub.requests
    #expect(!requests.contains { $0.path.contains("/resolve/") })
    #expect(requests.filter { $0.path.hasPrefix("/api/whoami-v2") }.count == 1)
    let puts = requests.filter { $0.method == "PUT" }
    #expect(!puts.isEmpty)
    #expect(puts.allSatisfy { $0.headers["authorization"] == nil && $0.headers["content-length"] != nil })
    #expect(!requests.contains { $0.status == 400 || $0.status == 401 || $0.status == 501 })
  }
}
