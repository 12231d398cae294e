import Kernel
import SystemPackage

/// Finding the root, and finding it again.
extension TreeLoop {
  /// Walks the way to the root and takes up what is there, unless it is what is watched already.
  func approachRoot() {
    mustApproach = false
    let hadRoot = shared { $0.tree.root != nil }
    let approach = RootApproach(to: watcher.root)
    self.approach = approach
    if isBlind { retryLater() }
    switch approach.destination {
    case .missing(let errno):
      leave()
      note(errno, at: watcher.root)
    case .directory(let path, let identity):
      if let before = baseIdentity, hadRoot, base == path, before.device == identity.device,
        before.inode == identity.inode
      {
        return
      }
      leave()
      take(path, identity, hadRoot ? .rootReplaced : .rootAppeared)
    }
  }

  /// Whether nothing tells that the way to the root has changed.
  var isBlind: Bool { approach?.isBlind != false || watcher.method == .poll && shared { $0.tree.root == nil } }

  /// Whether the root is still the directory that is watched: a cheap look, for machines on which mounts come and go.
  var isRootInPlace: Bool {
    guard let baseIdentity, let now = try? FileIdentity(of: base) else { return false }
    return now.device == baseIdentity.device && now.inode == baseIdentity.inode
  }

  private func take(_ path: FilePath, _ identity: FileIdentity, _ reason: RescanReason) {
    base = path
    baseIdentity = identity
    openInotify()
    switch addWatch(path) {
    case .success(let watch):
      note(nil, at: watcher.root)
      shared { _ = $0.tree.begin(watch: watch) }
      walk(reasons.contains(.startup) ? .startup : reason)
    case .failure(let error):
      // It has just gone: the approach has an event for that.
      note(error.errno, at: watcher.root)
      retryLater()
    }
  }

  /// Makes the instance for the tree's watches, if one is wanted and to be had.
  func openInotify() {
    guard watcher.method != .poll, inotify == nil else { return }
    do throws(SystemError) {
      inotify = try Inotify()
      note(exhausted: nil)
    } catch {
      note(exhausted: .instances)
    }
  }

  /// Forgets the tree, and with it all its watches.
  private func leave() {
    inotify = nil
    baseIdentity = nil
    jobs = []
    failedJobs = []
    hopes = []
    marked = []
    ahead = []
    polls.removeAll()
    shared { state in
      state.tree.end()
      state.errors = [:]
      state.foreign = [:]
      state.exhausted = nil
      state.polled = 0
    }
  }
}
