import Kernel
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Watching

/// A look at a directory may find what the queue has not told yet.
@Suite struct LookingAheadTests {
  @Test func `a directory that is found at its new place before the event for that is watched there`() async throws {
    try await withTemporaryDirectory { root in
      let (old, new) = (root.appending("a").appending("x"), root.appending("b").appending("x"))
      try makeDirectories(old)
      try makeDirectories(root.appending("b"))
      let watcher = try TreeWatcher(
        root: root, exclusions: Exclusions(names: [], own: []), dirty: DirtySet(), method: .inotify)
      let loop = TreeLoop(watcher)
      func scan() { while !loop.jobs.isEmpty { loop.scan(until: .now.advanced(by: .seconds(1))) } }
      func readQueue() throws {
        while let events = try loop.inotify?.read(), !events.isEmpty { events.forEach(loop.handle) }
        scan()
      }
      loop.approachRoot()
      scan()
      try readQueue()
      #expect(watcher.directories == [root, root.appending("a"), old, root.appending("b")])

      try rename(old, to: new, replacing: false)
      let b = try #require(watcher.state.withLock { $0.tree.directory(at: root.appending("b"), from: root) })
      loop.enqueue(b, mark: .yes)
      scan()
      #expect(watcher.directories == [root, root.appending("a"), root.appending("b"), new])
      // What the queue tells of it afterwards, and the end of the old watch, do not take the new one away.
      try readQueue()
      try readQueue()
      #expect(watcher.directories == [root, root.appending("a"), root.appending("b"), new])
      loop.marked = []
      try write("x", to: new.appending("file"))
      try readQueue()
      let x = try #require(watcher.state.withLock { $0.tree.directory(at: new, from: root) })
      #expect(loop.marked == [x])
    }
  }
}
