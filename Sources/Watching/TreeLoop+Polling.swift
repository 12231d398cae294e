import Kernel
import SystemPackage

/// For what inotify does not cover: a look from time to time.
extension TreeLoop {
  /// Tries again what failed.
  func retry() {
    retryAt = nil
    let root = shared { $0.tree.root }
    if root == nil || isBlind { mustApproach = true }
    jobs += failedJobs
    failedJobs = []
    if inotify == nil, root != nil { openInotify() }
    if inotify == nil { return }
    hopes = shared { $0.tree.unwatched }.sorted()
    if hopes.isEmpty { note(exhausted: nil) }
  }

  /// Gives watches to directories that had none, as far as there are any, until the time is over.
  func seekWatches(until end: ContinuousClock.Instant) {
    if hopes.isEmpty { return }
    while let id = hopes.popLast() {
      guard watchAtLast(id) else {
        hopes = []
        return retryLater()
      }
      if ContinuousClock.now >= end { break }
    }
    if hopes.isEmpty, shared({ $0.tree.unwatched.isEmpty }) { note(exhausted: nil) }
  }

  /// Notes which limit keeps the kernel from giving more, or that none does.
  func note(exhausted limit: InotifyLimit?) {
    if limit != nil { retryLater() }
    let changed = shared { state in
      if state.exhausted?.limit == limit { return false }
      state.exhausted = limit.map { ($0, state.tree.count) }
      return true
    }
    if changed { watcher.dirty.ring() }
  }

  /// Gives a watch to a directory that had none; returns whether there may be more to be had.
  private func watchAtLast(_ id: DirectoryTree.ID) -> Bool {
    let path = shared { [base] in $0.tree.contains(id) ? $0.tree.path(of: id, from: base) : nil }
    guard let path else { return true }
    switch addWatch(path) {
    case .success(nil): return false
    case .success(let watch): shared { $0.tree.setWatch(watch, of: id) }
    case .failure: break
    }
    jobs.append(Job(directory: id, path: path, deep: false, mark: .yes))
    return true
  }

  /// How a directory is looked at from time to time; `nil` if inotify tells all of it.
  func pace(of id: DirectoryTree.ID, on kind: FileSystemKind) -> PollSchedule.Pace? {
    if shared({ $0.tree.watch(of: id) }) == nil { return .adaptive }
    guard watcher.method == .auto else { return nil }
    return switch kind {
    case .local: nil
    case .overlay: .slow
    case .remote: .adaptive
    }
  }

  /// Notes on which kind of file system a directory is; says so where one begins that others write to.
  func note(_ kind: FileSystemKind, of id: DirectoryTree.ID, atReal path: FilePath) {
    guard watcher.method == .auto else { return }
    let path = shown(path)
    let changed = shared { state in
      let above = state.tree.parent(of: id).map { state.tree.kind(of: $0) } ?? .local
      let before = state.tree.kind(of: id)
      guard kind != before else { return false }
      state.tree.setKind(kind, of: id)
      state.foreign[path] = kind == .local || kind == above || state.foreign.count >= 100 ? nil : kind
      return true
    }
    if changed { watcher.dirty.ring() }
  }

  /// What can be seen of a name in the directory at `path` without opening it, as one number.
  func fingerprint(of entry: DirectoryEntry, in path: FilePath) -> Int {
    if entry.kind == .directory || watcher.exclusions.ignoresFile(named: entry.name) { return entry.hashValue }
    var hasher = Hasher()
    hasher.combine(entry)
    hasher.combine(try? FileIdentity(of: path.appending(bytes: entry.name)))
    return hasher.finalize()
  }
}
