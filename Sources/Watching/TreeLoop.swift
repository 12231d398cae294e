import Glibc
import Kernel
import Synchronization
import SystemPackage

/// The life of a ``TreeWatcher``'s thread: wait, read the queues, walk a little, mark, and again.
///
/// Walking is cut into slices between which the queue is read, so that a big tree does not make it overflow. Not
/// Sendable: it is made on its thread and stays there.
final class TreeLoop {
  let watcher: TreeWatcher
  /// The watches of the tree; `nil` while there is no root or no instance to be had, or when polling only.
  var inotify: Inotify?
  var approach: RootApproach?
  /// Where the root really is, without symbolic links, and which directory that was.
  var base = FilePath()
  var baseIdentity: FileIdentity?
  /// The way to the root has to be walked again.
  var mustApproach = true

  /// Directories that wait to be listed.
  var jobs: [Job] = []
  /// Those that could not be, and are tried again.
  var failedJobs: [Job] = []
  /// Directories to be marked at the end of this turn.
  var marked: Set<DirectoryTree.ID> = []
  /// Why the whole tree is being walked, and why it is to be walked after that.
  var reasons: Set<RescanReason> = [.startup]
  var nextReasons: Set<RescanReason> = []
  /// How many walks over the whole tree were begun.
  var walks = 1
  /// Directories without a watch that may be given one now.
  var hopes: [DirectoryTree.ID] = []
  /// What inotify does not tell of.
  var polls: PollSchedule
  /// What was read from the kernel's queue while there was no time to deal with it.
  var ahead: [InotifyEvent] = []
  /// Until when everything is marked once the walk of this number is finished.
  var caughtUp: (time: SuspendingClock.Instant, walk: Int)?
  /// When what failed is tried again.
  var retryAt: ContinuousClock.Instant?
  /// Nothing can be listed at the moment, e.g. for want of descriptors.
  var isStalled = false

  private let mounts = MountChanges()
  private let clock = ContinuousClock()

  struct Job {
    let directory: DirectoryTree.ID
    /// Where it really is. It stays there: a directory that is moved is forgotten and found again.
    let path: FilePath
    /// Also list the directories below it that are known already.
    let deep: Bool
    let mark: Mark
  }

  enum Mark {
    /// Everything is marked at the end of this walk.
    case no
    /// Only if it does not look as it did at the last look.
    case ifChanged
    case yes
  }

  init(_ watcher: TreeWatcher) {
    self.watcher = watcher
    polls = PollSchedule(watcher.timing)
  }

  func run() throws(SystemError) {
    while try !takeCommands() {
      if mustApproach { approachRoot() }
      let end = clock.now.advanced(by: .milliseconds(20))
      scan(until: end)
      seekWatches(until: end)
      finishWalk()
      mark()
      finishCatchUp()
      try wait()
    }
  }

  /// Changes or reads what others may ask for.
  func shared<T: Sendable>(_ body: (inout sending TreeWatcher.State) -> sending T) -> T {
    watcher.state.withLock(body)
  }

  /// Returns whether to stop.
  private func takeCommands() throws(SystemError) -> Bool {
    let (stopping, asked, catchUp) = shared { state in
      defer { (state.asked, state.catchUp) = ([], nil) }
      return (state.isStopping, state.asked, state.catchUp)
    }
    for reason in asked { walk(reason) }
    if let catchUp { try begin(catchUp) }
    return stopping
  }

  private func mark() {
    if marked.isEmpty { return }
    let (marked, root) = (self.marked, watcher.root)
    self.marked = []
    let paths = shared { state in
      marked.filter { state.tree.contains($0) }.map { state.tree.path(of: $0, from: root) }
    }
    watcher.dirty.mark(paths)
  }

  /// Waits for any of the descriptors, or for the time to try again, and reads what there is.
  private func wait() throws(SystemError) {
    var timeout: Duration?
    if let next = [retryAt, polls.next].compactMap({ $0 }).min() { timeout = clock.now.duration(to: next) }
    if !jobs.isEmpty { timeout = isStalled ? .seconds(1) : .zero }
    if mustApproach || !hopes.isEmpty || !ahead.isEmpty { timeout = .zero }

    func entry(_ descriptor: CInt?) -> pollfd { pollfd(fd: descriptor ?? -1, events: Int16(POLLIN), revents: 0) }
    var entries = [
      entry(watcher.bell.raw), entry(inotify?.raw), entry(approach?.inotify?.raw), mounts?.entry ?? entry(nil),
    ]
    try waitForInput(&entries, timeout: timeout)

    if entries[0].revents != 0 { watcher.bell.silence() }
    if entries[1].revents != 0 || !ahead.isEmpty { try readEvents() }
    if entries[2].revents != 0, let approach, let inotify = approach.inotify {
      for event in try inotify.read() where approach.concerns(event) { mustApproach = true }
    }
    if entries[3].revents != 0, !isRootInPlace { mustApproach = true }
    if let retryAt, clock.now >= retryAt { retry() }
    for id in polls.due(at: clock.now) { enqueue(id, mark: .ifChanged) }
  }

  /// Reads the queue until it is empty, but not for ever: a storm must not keep the walk from going on.
  private func readEvents() throws(SystemError) {
    handleAhead()
    guard let inotify else { return }
    for _ in 0..<16 {
      let events = try inotify.read()
      for event in events { handle(event) }
      if events.isEmpty { return }
    }
  }

  func handleAhead() {
    let events = ahead
    ahead = []
    for event in events { handle(event) }
  }

  /// Sees to it that ``retry()`` comes, not before its time is over.
  func retryLater() {
    if retryAt == nil { retryAt = clock.now.advanced(by: watcher.timing.retry) }
  }

  /// Puts the directory in line to be listed, if it is still known.
  func enqueue(_ id: DirectoryTree.ID, deep: Bool = false, mark: Mark) {
    let path = shared { [base] in $0.tree.contains(id) ? $0.tree.path(of: id, from: base) : nil }
    guard let path else { return polls.remove(id) }
    jobs.append(Job(directory: id, path: path, deep: deep, mark: mark))
  }

  /// The path as it is marked and listed, of what is really at `path`.
  func shown(_ path: FilePath) -> FilePath {
    if base == watcher.root { return path }
    return FilePath(bytes: watcher.root.bytes + [UInt8(ascii: "/")] + path.bytes.dropFirst(base.bytes.count))
  }

  /// Notes that what is really at `path` cannot be seen, or with `nil` that it can.
  func note(_ errno: Errno?, atReal path: FilePath) {
    if errno == nil, shared({ $0.errors.isEmpty }) { return }
    note(errno, at: shown(path))
  }

  func note(_ errno: Errno?, at path: FilePath) {
    let changed = shared { state in
      if state.errors[path] == errno { return false }
      // A list for people: a tree with more is one problem.
      if errno != nil, state.errors.count >= 1000 { return false }
      state.errors[path] = errno
      return true
    }
    if changed { watcher.dirty.ring() }
  }
}
