import Glibc
import Kernel
import SystemPackage
import TestSupport
import Testing

@testable import Watching

/// The kernel's queue, made full for real.
@Suite(.serialized, .timeLimit(.minutes(10))) struct OverflowTests {
  @Test func `after an overflow everything is marked, and all directories are known`() async throws {
    try await withTemporaryDirectory { root in
      for index in 0..<20 { try makeDirectories(root.appending("run-\(index)").appending("kept").appending("deep")) }
      var kept = (0..<20).map { root.appending("run-\($0)").appending("kept") }
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

        // Flood until the queue was full often enough; each round also makes and moves directories.
        var round = 0
        while watcher.statistics.overflows < 10 && !Task.isCancelled {
          let run = root.appending("run-\(round % 20)")
          for index in 0..<100 { try write("x", to: run.appending("file-\(round)-\(index)")) }
          try makeDirectories(run.appending("new-\(round)").appending("deep"))
          try rename(run.appending("new-\(round)"), to: root.appending("moved-\(round)"), replacing: false)
          if round % 3 == 0 { try removeTree(root.appending("moved-\(round)")) }
          // Known ones move, and are made anew below: a rescan meets them before their events, or instead of them.
          for (index, path) in kept.enumerated() {
            let place = root.appending("run-\((round + index + 1) % 20)").appending("kept-\(round)")
            try rename(path, to: place, replacing: false)
            try removeTree(place.appending("deep"))
            try makeDirectories(place.appending("deep"))
            kept[index] = place
          }
          round += 1
        }
        let expected = Set(try allDirectories(below: root))
        await marks.wait(for: .overflow)
        await marks.wait { Set(watcher.directories) == expected }
        #expect(watcher.statistics.watches == expected.count)
        #expect(watcher.statistics.rescans > 1)
        // Not one of them is deaf.
        for directory in expected {
          marks.forget()
          try write("x", to: directory.appending("afterwards"))
          await marks.wait { marks.directories.contains(directory) || marks.reasons.contains(.overflow) }
        }
        group.cancelAll()
        try await group.waitForAll()
      }
    }
  }

  /// The tree as it is, by the plainest means.
  private func allDirectories(below root: FilePath) throws -> [FilePath] {
    try [root]
      + names(in: root).map { root.appending($0) }.filter { try FileIdentity(of: $0).isDirectory }.flatMap {
        try allDirectories(below: $0)
      }
  }
}
