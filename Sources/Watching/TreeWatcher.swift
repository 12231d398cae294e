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
    /// inotify(7), and a look from time to time where it gives no watch, or where the file system is one that others
    /// write to.
    case auto
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
  let timing: PollTiming
  let bell: EventDescriptor
  let ready = Gate()
  let state = Mutex(State())

  struct State: Sendable {
    var tree = DirectoryTree()
    var statistics = WatchStatistics()
    /// What cannot be looked at.
    var errors: [FilePath: Errno] = [:]
    /// Which limit of inotify(7) keeps the tree from being watched whole, and how many directories were known then.
    var exhausted: (limit: InotifyLimit, directories: Int)?
    /// Where a file system begins that others write to.
    var foreign: [FilePath: FileSystemKind] = [:]
    /// How many directories are looked at from time to time.
    var polled = 0
    /// Why the next walk was asked for, if it was.
    var asked: Set<RescanReason> = []
    /// What is to be caught up with.
    var catchUp: CatchUp?
    var seen: SuspendingClock.Instant?
    var isStarted = false
    var isStopping = false
    var failure: SystemError?
  }

  struct CatchUp: Sendable {
    /// Everything that happened before this is to be marked.
    var time: SuspendingClock.Instant
    /// What is to be looked at now, as far as inotify does not tell of it.
    var directories: Set<FilePath>
  }

  /// - Parameters:
  ///   - root: An absolute path.
  ///   - exclusions: What is not looked into. The root itself is never excluded.
  ///   - dirty: Where changes are marked.
  ///   - method: How changes are found.
  ///   - timing: How often is looked at what inotify does not tell of.
  /// - Throws: ``SystemError``: `EINVAL` if `root` is not absolute, `EMFILE` if no descriptor is left.
  package init(
    root: FilePath, exclusions: Exclusions, dirty: DirtySet, method: Method = .auto,
    timing: PollTiming = PollTiming()
  ) throws(SystemError) {
    guard root.isAbsolute else { throw SystemError("watch", root, .invalidArgument) }
    self.root = root
    self.exclusions = exclusions
    self.dirty = dirty
    self.method = method
    self.timing = timing
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

  /// Asks for everything that happened before `time` to be marked: events that are in the kernel's queue, events that it
  /// has dropped, and in `directories` what inotify does not tell of. Returns at once; when it is done, ``seen`` says so
  /// and the doorbell rings.
  package func catchUp(with directories: [FilePath], before time: SuspendingClock.Instant) {
    state.withLock { state in
      state.catchUp = CatchUp(
        time: max(time, state.catchUp?.time ?? time),
        directories: (state.catchUp?.directories ?? []).union(directories))
    }
    bell.ring()
  }

  /// Everything that happened before this instant is marked, as far as ``catchUp(with:before:)`` was asked for it; `nil` if
  /// it never was.
  package var seen: SuspendingClock.Instant? { state.withLock { $0.seen } }

  /// The directories that are known now, excluded ones left out: the root first, each before those below it, siblings in
  /// the order of their names' bytes. Empty while the root is missing.
  package var directories: [FilePath] {
    state.withLock { $0.tree }.paths(from: root)
  }

  /// What cannot be seen, or not at once, and why; in the order of the paths' bytes. The doorbell rings when it changes.
  package var problems: [WatchProblem] {
    let (errors, exhausted, foreign) = state.withLock { ($0.errors, $0.exhausted, $0.foreign) }
    let limit = exhausted.map { limit, directories in
      WatchProblem(path: root, cause: limit == .watches ? .noWatches(directories: directories) : .noInstances)
    }
    return (limit.map { [$0] } ?? [])
      + (errors.map { WatchProblem(path: $0.key, errno: $0.value) }
      + foreign.map { WatchProblem(path: $0.key, cause: .fileSystem($0.value, timing)) })
      .sorted { $0.path.bytes.lexicographicallyPrecedes($1.path.bytes) }
  }

  package var statistics: WatchStatistics {
    state.withLock { state in
      var statistics = state.statistics
      statistics.directories = state.tree.count
      statistics.watches = state.tree.watchCount
      statistics.unwatched = state.tree.unwatched.count
      statistics.polled = state.polled
      return statistics
    }
  }
}
