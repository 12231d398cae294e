import Kernel
import Synchronization
import SystemPackage
import TestSupport
import Testing

/// However the files of an adapter are written, only whole ones are published, and in the end the last.
@Suite(.serialized, .timeLimit(.minutes(60))) struct TornWriteTests {
  private static let settle = 50

  @Test func `whatever the schedule of writes, no bundle is torn`() async throws {
    let repos = Torture.size(short: 10, full: 50)
    let versions = Torture.size(short: 10, full: 200)
    try await withTemporaryDirectory { directory in
      let site = try Site(directory)
      try site.configure(repo: "org/{directory}", settle: "\(Self.settle)ms")
      try makeDirectories(site.outputs)
      let daemon = try await site.start()
      let journals = try await withThrowingTaskGroup { group in
        for index in 0..<repos {
          group.addTask {
            let run = Run(name: "run-\(index)", index: index, site: site, daemon: daemon)
            return (run.repo, try await run.write(versions: versions, settle: Self.settle))
          }
        }
        return try await group.reduce(into: [String: Journal]()) { $0[$1.0] = $1.1 }
      }
      #expect(await daemon.stop() == 0)

      let store = StoreReader(root: site.store)
      #expect(Set(store.repos()) == Set(journals.keys))
      var commits = 0
      for (repo, journal) in journals {
        for files in try store.commits(repo) {
          commits += 1
          do {
            let adapter = try VersionedAdapter.version(of: files)
            #expect(adapter == journal.adapters[adapter.version], "\(repo): \(adapter)")
          } catch {
            Issue.record("\(repo): \(error); seed \(Torture.seed), the ways were \(journal.ways)")
          }
        }
      }
      let ways = journals.values.flatMap(\.ways).flatMap { $0 }
      let counts = Dictionary(grouping: ways) { $0 }.map { "\($1.count) \($0)" }.sorted()
      Torture.say(
        "\(repos * versions) schedules of two files (\(counts.joined(separator: ", "))); "
          + "\(commits) commits in \(repos) repos, all whole")
    }
  }

  /// What was written to one directory.
  private struct Journal: Sendable {
    /// By version.
    var adapters: [Int: VersionedAdapter] = [:]
    /// How each version's files were written, in their order.
    var ways: [[TornSchedule.Way]] = []
  }

  private struct Run {
    let name: String
    let index: Int
    let site: Site
    let daemon: RunningProgram
    var repo: String { "org/\(name)" }

    /// Writes one version after the other, and waits until the last one is published.
    func write(versions: Int, settle: Int) async throws -> Journal {
      var dice = Dice(stream: 1000 + UInt64(index))
      let layout = dice.pick(VersionedAdapter.Layout.allCases)
      let parts = layout == .mlx ? ["", "adapters"] : ["", "final"]
      let directory = site.outputs.appending(name).pushing(FilePath(dice.pick(parts)))
      try makeDirectories(directory)
      var journal = Journal()
      var rank = 4
      for version in 1...versions {
        // Mostly another save of the same training, sometimes another training in the same place.
        if dice.once(in: 4) { rank = dice.pick([2, 4, 8, 16]) }
        let adapter = VersionedAdapter(layout: layout, version: version, rank: rank)
        journal.adapters[version] = adapter
        journal.ways.append(try await adapter.write(to: directory, settle: settle, dice: &dice))
        if dice.once(in: 5) || version == versions { try await isPublished(version) }
      }
      return journal
    }

    /// Returns when the newest commit is this version.
    private func isPublished(_ version: Int) async throws {
      let store = StoreReader(root: site.store)
      while true {
        let seen = daemon.count
        if let head = try? store.head(repo),
          try VersionedAdapter.version(of: store.files(repo, at: head)).version == version
        {
          return
        }
        try await daemon.line(from: seen) { [repo] in $0.contains("published \(repo)@") }
      }
    }
  }
}

extension VersionedAdapter {
  /// Writes both files, each in some way, in one order or the other; what is there already may stay if it is the same.
  func write(to directory: FilePath, settle: Int, dice: inout Dice) async throws -> [TornSchedule.Way] {
    var files = [(weightsName, weights), (Self.configName, config)]
    let old = try? contents(directory.appending(Self.configName))
    if old == config, dice.once(in: 2) { files.removeLast() }
    var ways: [TornSchedule.Way] = []
    for (name, bytes) in files.shuffled(using: &dice) {
      let schedule = TornSchedule(name, size: bytes.count, settle: settle, dice: &dice)
      ways.append(schedule.way)
      var writer = TornWriter(bytes, in: directory)
      try await writer.write(by: schedule)
    }
    return ways
  }
}
