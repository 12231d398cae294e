import Kernel
import Synchronization
import SystemPackage

/// Watches a directory tree, recursively, and marks in a ``DirtySet`` the directories in which something happened.
///
/// # What is marked
/// The directory that holds the name, when a file in it was closed after writing, created, linked, renamed, deleted or
/// given other attributes; a new directory and each one below it. Writing alone (`IN_MODIFY`) is not asked for. Events
/// that may have been missed become ``Dirty/everything(reasons:)``, after all watches are in place again.
///
/// # Paths
/// Marked and listed paths begin with ``root`` as it was given. A symbolic link in the root is followed; one below it
/// never is.
///
/// # Threading
/// One thread, which lives as long as ``run()`` does, waits for the kernel and is the only one that changes the tree. What
/// others may ask for is behind a mutex that is never held over a system call.
package final class TreeWatcher: Sendable {
  /// How the watcher comes to know of changes.
  package enum Method: Sendable, Equatable {
    /// inotify(7), and where it gives no watch, a look from time to time.
    case inotify
    /// A look from time to time only: for file systems on which other machines write.
    case poll
  }

  /// The directory that the tree begins with; it may not exist yet.
  package let root: FilePath
  let exclusions: Exclusions
  let dirty: DirtySet
  let method: Method
  let pollInterval: Duration
  let bell: EventDescriptor
  let ready = Gate()
  let state = Mutex(State())

  struct State: Sendable {
    var tree = DirectoryTree()
    var statistics = WatchStatistics()
    var problems: [FilePath: Errno] = [:]
    /// Why the next walk was asked for, if it was.
    var asked: Set<RescanReason> = []
    var isStarted = false
    var isStopping = false
    var failure: SystemError?
  }

  /// - Parameters:
  ///   - root: An absolute path.
  ///   - exclusions: What is not looked into. The root itself is never excluded.
  ///   - dirty: Where changes are marked.
  ///   - method: How changes are found.
  ///   - pollInterval: The time between two looks at what has no watch, and between two attempts to get one.
  /// - Throws: ``SystemError``: `EINVAL` if `root` is not absolute, `EMFILE` if no descriptor is left.
  package init(
    root: FilePath, exclusions: Exclusions, dirty: DirtySet, method: Method = .inotify,
    pollInterval: Duration = .seconds(10)
  ) throws(SystemError) {
    guard root.isAbsolute else { throw SystemError("watch", root, .invalidArgument) }
    self.root = root
    self.exclusions = exclusions
    self.dirty = dirty
    self.method = method
    self.pollInterval = pollInterval
    bell = try EventDescriptor()
  }

  /// Watches until the task is cancelled; then the thread has ended and all watches are gone. For one call.
  ///
  /// - Throws: ``SystemError`` if the thread cannot be started or can no longer wait for the kernel; never because of
  ///   what is in the tree or missing there.
  package func run() async throws(SystemError) {
    let ended = Gate()
    let thread = try start(ended)
    await withTaskCancellationHandler {
      await ended.waitEvenIfCancelled()
    } onCancel: {
      state.withLock { $0.isStopping = true }
      bell.ring()
    }
    thread.join()  // its body is over: this waits for its last instructions only
    if let failure = state.withLock({ $0.failure }) { throw failure }
  }

  func start(_ ended: Gate) throws(SystemError) -> NamedThread {
    let isSecond = state.withLock { state in
      defer { state.isStarted = true }
      return state.isStarted
    }
    if isSecond { throw SystemError("watch", root, .resourceBusy) }
    return try NamedThread("adapterd-watch") {
      do throws(SystemError) {
        try TreeLoop(self).run()
      } catch {
        self.state.withLock { $0.failure = error }
      }
      self.ready.open()
      ended.open()
    }
  }

  /// Returns when every watch is in place — with a missing root, the one that waits for it — and
  /// ``RescanReason/startup`` is marked; or when ``run()`` or the waiting task has ended before.
  package func waitUntilReady() async {
    await ready.wait()
  }

  /// Walks the whole tree again, then marks everything for `reason`.
  package func rescan(_ reason: RescanReason) {
    state.withLock { _ = $0.asked.insert(reason) }
    bell.ring()
  }

  /// The directories that are known now, excluded ones left out: the root first, each before those below it, siblings in
  /// the order of their names' bytes. Empty while the root is missing.
  package var directories: [FilePath] {
    state.withLock { $0.tree }.paths(from: root)
  }

  /// What cannot be seen, and why, in the order of the paths' bytes. The doorbell rings when it changes.
  package var problems: [WatchProblem] {
    state.withLock { $0.problems }.map { WatchProblem(path: $0.key, errno: $0.value) }
      .sorted { $0.path.bytes.lexicographicallyPrecedes($1.path.bytes) }
  }

  package var statistics: WatchStatistics {
    state.withLock { state in
      var statistics = state.statistics
      statistics.directories = state.tree.count
      statistics.watches = state.tree.watchCount
      statistics.polled = state.tree.unwatched.count
      return statistics
    }
  }
}
