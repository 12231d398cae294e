import Glibc
import Kernel
import SystemPackage
import TestSupport
import Testing

@testable import Watching

/// What a watcher has marked since the test began to look: the only consumer of its doorbell.
final class Marks {
  let dirty: DirtySet
  private var rings: AsyncStream<Void>.Iterator
  private(set) var directories: Set<FilePath> = []
  private(set) var reasons: Set<RescanReason> = []

  init(_ dirty: DirtySet) {
    self.dirty = dirty
    rings = dirty.rings.makeAsyncIterator()
  }

  /// Returns when `condition` holds; it is looked at after each ring.
  func wait(isolation: isolated (any Actor)? = #isolation, until condition: () -> Bool) async {
    while true {
      switch dirty.take() {
      case .nothing: break
      case .directories(let marked): directories.formUnion(marked)
      case .everything(let why): reasons.formUnion(why)
      }
      if condition() { return }
      guard await rings.next(isolation: isolation) != nil else {
        Issue.record("cancelled while waiting")
        return
      }
    }
  }

  func wait(isolation: isolated (any Actor)? = #isolation, for paths: FilePath...) async {
    await wait { directories.isSuperset(of: paths) }
  }

  func wait(isolation: isolated (any Actor)? = #isolation, for reason: RescanReason) async {
    await wait { reasons.contains(reason) }
  }

  /// Waits until all that happened before is marked: something is made in `directory`, whose mark comes after. A
  /// symbolic link, because it is one event, after which nothing follows.
  func catchUp(isolation: isolated (any Actor)? = #isolation, in directory: FilePath) async throws {
    #expect(symlink("nowhere", directory.appending("sentinel-\(UInt64.random(in: 0...UInt64.max))").string) == 0)
    directories.remove(directory)
    await wait(for: directory)
  }

  func forget() {
    directories = []
    reasons = []
  }
}

/// Runs a watcher on `root` for as long as `body` does; `body` begins when it is ready and its start-up mark is taken.
func watching(
  _ root: FilePath, excluding names: [String] = [], own: [FilePath] = [], limit: Int = 4096,
  method: TreeWatcher.Method = .inotify, timing: PollTiming = PollTiming(),
  _ body: (TreeWatcher, Marks) async throws -> Void
) async throws {
  let dirty = DirtySet(limit: limit)
  let watcher = try TreeWatcher(
    root: root, exclusions: Exclusions(names: names, own: own), dirty: dirty, method: method,
    timing: timing)
  try await withThrowingTaskGroup { group in
    try await withUsualKernelLimits {
      group.addTask { try await watcher.run() }
      await watcher.waitUntilReady()
    }
    let marks = Marks(dirty)
    await marks.wait(for: .startup)
    marks.forget()
    try await body(watcher, marks)
    group.cancelAll()
    try await group.waitForAll()
  }
}

extension PollTiming {
  /// As often as a test can wait for.
  static let fast = PollTiming(
    shortest: .milliseconds(20), longest: .milliseconds(80), slow: .milliseconds(40), retry: .milliseconds(50))
}

func write(_ text: String, to path: FilePath) throws {
  let file = try createFile(path)
  try file.write(Array(text.utf8), path: path)
}
