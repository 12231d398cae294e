import Kernel
import SystemPackage

/// Watching first, listing after that: what is created between the two makes an event, what was there before is listed.
extension TreeLoop {
  /// Walks over the whole tree, then marks everything. While it is being walked, once more after that.
  func walk(_ reason: RescanReason) {
    if !reasons.isEmpty, !jobs.isEmpty {
      nextReasons.insert(reason)
      return
    }
    if reasons.isEmpty { walks += 1 }
    reasons.insert(reason)
    if let root = shared({ $0.tree.root }) { enqueue(root, deep: true, mark: .no) }
  }

  /// Marks everything when a walk over all is over.
  func finishWalk() {
    while !reasons.isEmpty, jobs.isEmpty, !mustApproach {
      shared { $0.statistics.rescans += $0.tree.root == nil ? 0 : 1 }
      for reason in reasons { watcher.dirty.markEverything(reason) }
      reasons = []
      watcher.ready.open()
      let next = nextReasons
      nextReasons = []
      guard let reason = next.first else { return }
      walk(reason)
      reasons.formUnion(next)
    }
  }

  /// Lists directories until there are no more or the time is over.
  func scan(until end: ContinuousClock.Instant) {
    if jobs.isEmpty { return }
    isStalled = false
    do throws(SystemError) {
      // Opened for the slice only: an open directory keeps its file system from being unmounted.
      let confined = try ConfinedTree(at: base)
      while let job = jobs.popLast() {
        list(job, confined)
        if ContinuousClock.now >= end { return }
      }
    } catch {
      let isGone = Self.gone.contains(error.errno)
      mustApproach = mustApproach || isGone
      isStalled = !isGone
    }
  }

  /// The errors of a directory that is none any more.
  private static let gone: Set<Errno> = [.noSuchFileOrDirectory, .notDirectory, .tooManySymbolicLinkLevels]

  func list(_ job: Job, _ confined: ConfinedTree) {
    let id = job.directory
    guard shared({ $0.tree.contains(id) }) else { return }
    let look: Look
    do throws(SystemError) {
      look = try self.look(at: job, confined)
      note(nil, atReal: job.path)
    } catch {
      return failed(job, error.errno)
    }
    if job.mark == .ifChanged, !look.isNews { return }
    let mark = job.mark == .no ? Mark.no : .yes
    var gone = Set(shared { $0.tree.childNames(of: id) })
    for (number, (name, mayBeOwn)) in look.directories.enumerated() {
      if number % Self.breath == Self.breath - 1 { readAhead() }
      let path = job.path.appending(bytes: name)
      if mayBeOwn, watcher.exclusions.excludesDirectory(shown(path), named: name) { continue }
      gone.remove(name)
      attach(name, in: id, at: path, deep: job.deep, mark: mark)
    }
    for name in gone {
      if let child = shared({ $0.tree.child(name, of: id) }) { remove(child) }
    }
    if mark == .yes || !gone.isEmpty && !job.deep { marked.insert(id) }
  }

  /// What a look at a directory says.
  private struct Look {
    /// Those that are not excluded by their names, and whether they may be the daemon's own.
    var directories: [(name: [UInt8], mayBeOwn: Bool)] = []
    /// Something is not as it was at the last look; also so where inotify tells all.
    var isNews = true
  }

  /// After so many names the queue is read: a directory may have millions.
  private static let breath = 1024

  private func look(at job: Job, _ confined: ConfinedTree) throws(SystemError) -> Look {
    let directory = try confined.openDirectory(job.path)
    let kind = try FileSystemKind(of: directory, path: job.path)
    note(kind, of: job.directory, atReal: job.path)
    let pace = pace(of: job.directory, on: kind)
    let exclusions = watcher.exclusions
    var own: Set<UInt64>?
    let isNear = exclusions.mayOwnWithin(shown(job.path))
    var look = Look()
    var count = 0
    var fingerprint = 0
    try directory.forEachEntry(path: job.path) { entry in
      count += 1
      if count % Self.breath == 0 { readAhead() }
      if entry.kind == .directory, !exclusions.excludesDirectory(named: entry.name) {
        let inodes = own ?? exclusions.ownInodes()
        own = inodes
        look.directories.append((entry.name, isNear || inodes.contains(entry.inode)))
      }
      // A sum, for the order in which a file system lists names may change although nothing else does.
      if pace != nil { fingerprint &+= self.fingerprint(of: entry, in: job.path) }
    }
    if let pace {
      look.isNews = polls.saw(job.directory, fingerprint &+ count, pace: pace, at: .now)
    } else {
      polls.remove(job.directory)
    }
    shared { [polled = polls.count] in $0.polled = polled }
    return look
  }

  private func failed(_ job: Job, _ errno: Errno) {
    switch errno {
    case _ where Self.gone.contains(errno):
      // Gone, or something else by now; the event for that is in the queue.
      if shared({ $0.tree.root == job.directory }) {
        mustApproach = true
      } else {
        remove(job.directory)
      }
    case .permissionDenied:
      note(errno, atReal: job.path)
    default:
      note(errno, atReal: job.path)
      failedJobs.append(job)
      retryLater()
    }
  }

  /// Takes up the directory `name` in `parent`, which is really at `path`: watches it, and has it listed if that is not
  /// done yet or `deep` is set.
  func attach(_ name: [UInt8], in parent: DirectoryTree.ID, at path: FilePath, deep: Bool, mark: Mark) {
    var known = shared { $0.tree.child(name, of: parent) }
    var watch: CInt?
    switch addWatch(path) {
    case .success(let new):
      watch = new
      if let new, let holder = shared({ $0.tree.directory(watchedBy: new) }), holder != known {
        // The same directory under another name: it was moved, and the event for that is still in the queue; or it is
        // mounted here too. Inside itself it is left alone.
        if shared({ $0.tree.isAncestor(holder, of: parent) }) { return }
        remove(holder)
        watch = (try? addWatch(path).get()) ?? nil
      }
    case .failure(let error):
      if let known { remove(known) }
      note(Self.gone.contains(error.errno) ? nil : error.errno, atReal: path)
      return
    }
    if let id = known, let before = shared({ $0.tree.watch(of: id) }), before != watch {
      remove(id)  // another directory has taken its place
      known = nil
    }
    if let known {
      if let watch { shared { $0.tree.setWatch(watch, of: known) } }
      if deep { jobs.append(Job(directory: known, path: path, deep: true, mark: mark)) }
    } else {
      let id = shared { $0.tree.insert(name, in: parent, watch: watch) }
      jobs.append(Job(directory: id, path: path, deep: deep, mark: mark))
    }
  }

  /// Forgets a directory and all below it, and ends their watches.
  func remove(_ id: DirectoryTree.ID) {
    let watches = shared { [root = watcher.root] state in
      if !state.errors.isEmpty || !state.foreign.isEmpty {
        let path = state.tree.path(of: id, from: root)
        state.errors = state.errors.filter { !$0.key.starts(with: path) }
        state.foreign = state.foreign.filter { !$0.key.starts(with: path) }
      }
      return state.tree.remove(id)
    }
    for watch in watches { inotify?.remove(watch) }
  }

  /// - Returns: the watch; `nil` if there is none to be had but the directory can be looked at without one.
  func addWatch(_ path: FilePath) -> Result<CInt?, SystemError> {
    guard let inotify else { return .success(nil) }
    do throws(SystemError) {
      return .success(try inotify.watch(path, for: Self.mask))
    } catch {
      if error.errno == .noSpace || error.errno == .noMemory {
        note(exhausted: .watches)
        return .success(nil)
      }
      return .failure(error)
    }
  }
}
