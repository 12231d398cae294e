import Glibc
import Kernel
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Watching

/// Whatever is done with a tree, who looks at the marked directories only knows all of it in the end.
@Suite(.serialized, .timeLimit(.minutes(60))) struct RandomOperationsTests {
  @Test func `marks alone lead to what a fresh scan finds`() async throws {
    let statistics = try await torture(Torture.size(short: 2000, full: 20_000), stream: 1) { try await $0() }
    #expect(statistics.rescans >= 1)
  }

  /// The queue holds so few events that some are dropped all the time; only as root, nobody else may make it so.
  @Test(.enabled(if: geteuid() == 0)) func `and with a queue that is always too short`() async throws {
    let statistics = try await torture(Torture.size(short: 1000, full: 20_000), stream: 2) {
      try await withSmallQueue($0)
    }
    #expect(statistics.overflows > 0)
  }

  /// - Parameters:
  ///   - wanted: How many operations.
  ///   - stream: Of the dice.
  ///   - making: Makes the watcher's inotify instance by what it is given.
  private func torture(
    _ wanted: Int, stream: UInt64, making: (_ start: () async throws -> Void) async throws -> Void
  ) async throws -> WatchStatistics {
    return try await withTemporaryDirectory { directory in
      let (root, outside) = (directory.appending("outputs"), directory.appending("outside"))
      for path in [root, outside] { try makeDirectories(path) }
      let exclusions = Exclusions(names: [], own: [])
      let dirty = DirtySet()
      let watcher = try TreeWatcher(root: root, exclusions: exclusions, dirty: dirty, method: .inotify)
      return try await withThrowingTaskGroup { group in
        try await making {
          group.addTask { try await watcher.run() }
          await watcher.waitUntilReady()
        }
        var consumer = Consumer(watcher: watcher, dirty: dirty, exclusions: exclusions)
        let tree = BusyTree(TreeOperations(root: root, outside: outside, dice: Dice(stream: stream)))
        var (steps, rounds, adapters) = (0, 0, 0)
        var dice = Dice(stream: stream + 100)
        while steps < wanted, !Task.isCancelled {
          // Short rounds show what a later mark would heal; long ones let the marks fall behind.
          let length = min(dice.pick([1, 10, 100, 1000]), wanted - steps)
          try await tree.work(
            length, then: dirty,
            while: { isDone in
              try await consumer.follow(until: isDone)
            })
          try await consumer.catchUp()
          let fresh = try consumer.picture.fresh()
          let differences = consumer.picture.differences(from: fresh)
          let known = Set(watcher.directories.map(\.bytes)).symmetricDifference(fresh.directories.keys)
          steps += length
          rounds += 1
          adapters += fresh.adapters.count
          let place = "after \(steps) operations, round \(rounds), seed \(Torture.seed)"
          try #require(differences.isEmpty, "\(place):\n\(differences.joined(separator: "\n"))")
          try #require(known.isEmpty, "\(place): directories \(known.map(shown).sorted())")
          tree.isTooBig = fresh.directories.count > 60
        }
        group.cancelAll()
        try await group.waitForAll()
        let statistics = watcher.statistics
        Torture.say(
          "\(tree.summary); \(rounds) comparisons, \(adapters) adapters in them; \(consumer.picture.looks) looks, "
            + "\(statistics.overflows) overflows, \(statistics.rescans) walks")
        return statistics
      }
    }
  }
}

/// What the daemon's pipeline does with marks, as far as the tree is concerned.
private struct Consumer {
  let watcher: TreeWatcher
  let dirty: DirtySet
  var picture: TreePicture
  private var rings: AsyncStream<Void>.Iterator

  init(watcher: TreeWatcher, dirty: DirtySet, exclusions: Exclusions) {
    self.watcher = watcher
    self.dirty = dirty
    picture = TreePicture(root: watcher.root, exclusions: exclusions)
    rings = dirty.rings.makeAsyncIterator()
  }

  /// Takes what is marked at each ring until `isDone`.
  mutating func follow(until isDone: () -> Bool) async throws {
    while true {
      try take()
      if isDone() { return }
      guard await rings.next(isolation: nil) != nil else { throw CancellationError() }
    }
  }

  /// Takes all that is to come of what has happened.
  mutating func catchUp() async throws {
    let now = SuspendingClock.now
    watcher.catchUp(with: [], before: now)
    try await follow { [watcher] in watcher.seen.map { $0 >= now } ?? false }
    // What is seen is in the set by now; the last look at the set may have been before.
    try take()
  }

  private mutating func take() throws {
    switch dirty.take() {
    case .nothing: break
    case .directories(let directories):
      for directory in directories {
        let isOurs = directory == watcher.root || directory.bytes.starts(with: watcher.root.bytes + [TreePicture.slash])
        #expect(isOurs && !isExcluded(directory), "marked: \(directory.shown)")
      }
      try picture.look(at: directories)
    case .everything: try picture.lookAtEverything(watcher.directories)
    }
  }

  private func isExcluded(_ directory: FilePath) -> Bool {
    let below = directory.bytes.dropFirst(watcher.root.bytes.count)
    return below.split(separator: TreePicture.slash).contains {
      picture.exclusions.excludesDirectory(watcher.root, named: Array($0))
    }
  }
}

/// The operations, on a thread of their own.
private final class BusyTree: Sendable {
  private let worker = Worker("torture")
  private let state: Mutex<(operations: TreeOperations, isTooBig: Bool)>

  init(_ operations: TreeOperations) {
    state = Mutex((operations, false))
  }

  var isTooBig: Bool {
    get { state.withLock { $0.isTooBig } }
    set { state.withLock { $0.isTooBig = newValue } }
  }

  var summary: String {
    state.withLock { state in
      let counts = state.operations.counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
      return "\(state.operations.total) operations (\(counts.joined(separator: ", "))), "
        + "\(state.operations.refused) more refused by the kernel"
    }
  }

  /// Does so many operations while `body`, which is given whether they are done, is running.
  func work(
    _ count: Int, then dirty: DirtySet, while body: (_ isDone: @escaping @Sendable () -> Bool) async throws -> Void
  ) async throws {
    let isDone = Atomic(false)
    async let work: Void = worker.run { [self] in
      defer {
        isDone.store(true, ordering: .releasing)
        dirty.ring()
      }
      try state.withLock { state in
        if state.isTooBig { try state.operations.prune() }
        for _ in 0..<count { try state.operations.step() }
        try state.operations.letGoOfAll()
      }
    }
    try await body { isDone.load(ordering: .acquiring) }
    try await work
  }
}
