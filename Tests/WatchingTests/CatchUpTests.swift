import Kernel
import SystemPackage
import TestSupport
import Testing

@testable import Watching

/// After catching up, that nothing was marked means that nothing happened.
@Suite(.timeLimit(.minutes(10))) struct CatchUpTests {
  private func catchUp(_ watcher: TreeWatcher, _ marks: Marks, with directories: [FilePath] = []) async {
    let now = SuspendingClock.now
    watcher.catchUp(with: directories, before: now)
    await marks.wait { watcher.seen.map { $0 >= now } ?? false }
    // What is seen is in the set by now; the last look at the set may have been before.
    await marks.wait { true }
  }

  @Test func `everything that happened before is marked`() async throws {
    try await withTemporaryDirectory { root in
      let directories = (0..<300).map { root.appending("run-\($0)") }
      for directory in directories { try makeDirectories(directory) }
      try await watching(root) { watcher, marks in
        for _ in 0..<10 {
          marks.forget()
          for directory in directories {
            try write("x", to: directory.appending("file"))
            try removeTree(directory.appending("file"))
          }
          await catchUp(watcher, marks)
          // The queue is short while another test makes it so.
          #expect(marks.directories.isSuperset(of: directories) || marks.reasons.contains(.overflow))
        }
      }
    }
  }

  @Test func `after an overflow too, when all was walked again`() async throws {
    try await withTemporaryDirectory { root in
      let dirty = DirtySet()
      let watcher = try TreeWatcher(
        root: root, exclusions: Exclusions(names: [], own: []), dirty: dirty, method: .inotify)
      try await withThrowingTaskGroup { group in
        try await withSmallQueue {
          group.addTask { try await watcher.run() }
          await watcher.waitUntilReady()
        }
        let marks = Marks(dirty)
        await marks.wait(for: .startup)
        marks.forget()
        var round = 0
        while watcher.statistics.overflows < 3, !Task.isCancelled {
          for index in 0..<200 { try write("x", to: root.appending("file-\(round)-\(index)")) }
          round += 1
        }
        let (new, now) = (root.appending("new").appending("deep"), watcher.statistics.overflows)
        for index in 0..<200 { try write("x", to: root.appending("last-\(index)")) }
        try makeDirectories(new)
        await catchUp(watcher, marks)
        #expect(marks.directories.contains(new) || marks.reasons.contains(.overflow), "\(now) overflows")
        #expect(watcher.directories.contains(new))
        group.cancelAll()
        try await group.waitForAll()
      }
    }
  }

  /// The next look by itself is never due here.
  @Test func `where inotify does not tell, it is looked at`() async throws {
    try await withTemporaryDirectory { root in
      let (a, b) = (root.appending("a"), root.appending("b"))
      for directory in [a, b] {
        try makeDirectories(directory)
        try write("x", to: directory.appending("file"))
      }
      let never = PollTiming(shortest: .seconds(9999), longest: .seconds(9999), slow: .seconds(9999))
      try await watching(root, method: .poll, timing: never) { watcher, marks in
        await catchUp(watcher, marks, with: [a, b])
        #expect(marks.directories.isEmpty)
        try write("longer", to: a.appending("new"))
        await catchUp(watcher, marks, with: [b])
        #expect(marks.directories.isEmpty)
        await catchUp(watcher, marks, with: [a, b, root.appending("nowhere")])
        #expect(marks.directories == [a])
      }
    }
  }
}
