import Kernel
import SystemPackage

/// For what inotify does not cover: a look from time to time.
extension TreeLoop {
  /// Tries again what failed, and looks at what has no watch.
  func retry() {
    retryAt = nil
    let root = shared { $0.tree.root }
    if root == nil || approach?.isBlind != false { mustApproach = true }
    jobs += failedJobs
    failedJobs = []
    if inotify == nil, root != nil { openInotify() }

    mayWatch = inotify != nil
    looks = shared { $0.tree.unwatched }.sorted()
    if looks.isEmpty { finishLooks() }
  }

  /// Gives watches to directories that had none, as far as there are any, and looks at the others, until the time is
  /// over.
  func look(until end: ContinuousClock.Instant) {
    if looks.isEmpty { return }
    while let id = looks.popLast() {
      if mayWatch { mayWatch = watchAtLast(id) }
      if !mayWatch { poll(id) }
      if ContinuousClock.now >= end { break }
    }
    if looks.isEmpty { finishLooks() }
  }

  private func finishLooks() {
    let (root, polled) = shared { ($0.tree.root, !$0.tree.unwatched.isEmpty) }
    if polled {
      retryLater()
    } else if root != nil {
      fingerprints = [:]
      shared { $0.statistics.degraded = nil }
      watcher.dirty.ring()
    }
  }

  /// Says that the kernel has no more watches for this user, and what to do.
  func noteExhaustion() {
    retryLater()
    if shared({ $0.statistics.degraded != nil }) { return }
    let text = InotifyLimit.advice(directories: shared { $0.tree.count })
    shared { $0.statistics.degraded = text }
    watcher.dirty.ring()
  }

  /// Gives a watch to a directory that had none; returns whether there may be more to be had.
  private func watchAtLast(_ id: DirectoryTree.ID) -> Bool {
    let path = shared { [base] in $0.tree.contains(id) ? $0.tree.path(of: id, from: base) : nil }
    guard let path else { return true }
    switch addWatch(path) {
    case .success(nil): return false
    case .success(let watch):
      shared { $0.tree.setWatch(watch, of: id) }
      jobs.append(Job(directory: id, path: path, deep: false, mark: true))
    case .failure: jobs.append(Job(directory: id, path: path, deep: false, mark: true))
    }
    return true
  }

  /// Marks a directory in which something is not as it was at the last look, or that was never looked at.
  private func poll(_ id: DirectoryTree.ID) {
    let path = shared { [base] in $0.tree.contains(id) ? $0.tree.path(of: id, from: base) : nil }
    guard let path else { return }
    let fingerprint = fingerprint(of: path)
    if let fingerprint, fingerprints[id] == fingerprint { return }
    fingerprints[id] = fingerprint
    jobs.append(Job(directory: id, path: path, deep: false, mark: true))
  }

  /// What lstat(2) says of all names in a directory, as one number; `nil` if it cannot be listed.
  private func fingerprint(of path: FilePath) -> Int? {
    guard let entries = try? ConfinedTree(at: base).listDirectory(path) else { return nil }
    // The order in which a file system lists names may change although nothing else does.
    return entries.reduce(into: entries.count) { sum, entry in
      if entry.kind == .directory || watcher.exclusions.ignoresFile(named: entry.name) {
        sum ^= entry.hashValue
      } else {
        let identity = try? FileIdentity(of: path.appending(bytes: entry.name))
        var hasher = Hasher()
        hasher.combine(entry)
        hasher.combine(identity)
        sum ^= hasher.finalize()
      }
    }
  }
}
