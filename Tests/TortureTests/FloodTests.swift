import Glibc
import Kernel
import SystemPackage
import TestSupport
import Testing

/// A flood of events, most of which the kernel drops, does not wash an adapter away.
@Suite(.serialized, .timeLimit(.minutes(60))) struct FloodTests {
  @Test func `every adapter that is written in a flood is published`() async throws {
    let wanted = Torture.size(short: 20_000, full: 1_000_000)
    let adapters = Torture.size(short: 10, full: 200)
    // Nobody but root can make the queue so short that it overflows for certain.
    let overflows = geteuid() == 0 ? Torture.size(short: 5, full: 100) : 0
    try await withTemporaryDirectory { directory in
      let site = try Site(directory)
      try site.configure(repo: "org/{directory}", settle: "300ms")
      var flood = try Flood(in: site.outputs.appending("noise"))
      var started: RunningProgram?
      try await withSmallQueue { started = try await site.start() }
      let daemon = try #require(started)

      var (read, rescans, begun) = (0, 0, 0)
      try await withThrowingTaskGroup { group in
        while flood.events < wanted || rescans < overflows || begun < adapters, !Task.isCancelled {
          flood = try await flood.going(on: 1000)
          let lines = daemon.lines
          rescans += lines[read...].count { $0.contains("[event=rescan") && $0.contains("overflow") }
          read = lines.count
          while begun < adapters, begun * wanted <= flood.events * adapters {
            let index = begun
            begun += 1
            group.addTask {
              var dice = Dice(stream: 5000 + UInt64(index))
              let run = site.outputs.appending("run-\(index)")
              try makeDirectories(run)
              _ = try await Self.adapter(index).write(to: run, settle: 300, dice: &dice)
            }
          }
        }
        try await group.waitForAll()
      }

      let store = StoreReader(root: site.store)
      var commits = 0
      for index in 0..<adapters {
        let repo = "org/run-\(index)"
        try await daemon.line { $0.contains("published \(repo)@") }
        for files in try store.commits(repo) {
          #expect(try VersionedAdapter.version(of: files) == Self.adapter(index), "\(repo), seed \(Torture.seed)")
          commits += 1
        }
      }
      #expect(await daemon.stop() == 0)
      #expect(store.repos().count == adapters)
      #expect(commits == adapters, "each is written once, and makes one commit")
      Torture.say(
        "\(flood.events) events, \(rescans) rescans after overflows, \(adapters) adapters in \(commits) commits")
    }
  }

  private static func adapter(_ index: Int) -> VersionedAdapter {
    VersionedAdapter(layout: index % 2 == 0 ? .mlx : .peft, version: index + 1, rank: [2, 4, 8][index % 3])
  }
}

/// Files that come and go, which nobody wants to have.
private struct Flood: Sendable {
  private static let worker = Worker("flood")
  private let directories: [FilePath]
  /// What inotify(7) has been given to tell so far.
  private(set) var events = 0
  private var number = 0

  init(in directory: FilePath) throws {
    directories = (0..<20).map { directory.appending("noise-\($0)") }
    for directory in directories { try makeDirectories(directory) }
  }

  /// Makes at least `count` events more.
  func going(on count: Int) async throws -> Flood {
    try await Self.worker.run {
      var flood = self
      while flood.events < events + count { try flood.step() }
      return flood
    }
  }

  private mutating func step() throws {
    number += 1
    let directory = directories[number % directories.count]
    let path = directory.appending("\(number)." + ["bin", "log", "tmp", "json"][number % 4])
    try createFile(path).write([1], path: path)  // created, closed after writing
    if number % 3 == 0 {
      let new = directory.appending("renamed")
      try rename(path, to: new, replacing: true)
      try removeTree(new)
      events += 2
    } else {
      try removeTree(path)
    }
    events += 3
  }
}
