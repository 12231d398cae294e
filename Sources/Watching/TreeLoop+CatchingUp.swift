import Kernel
import SystemPackage

/// For who must know that nothing has happened: that no mark has come is not enough, since an event may still be in the
/// queue — after the process was stopped, or when this thread got no processor.
extension TreeLoop {
  /// Deals with everything that is in the queue now, and looks at what inotify does not tell of.
  func begin(_ catchUp: TreeWatcher.CatchUp) throws(SystemError) {
    handleAhead()
    if let inotify, case let bytes = try inotify.queued(), bytes > 0 {
      for event in try inotify.read(capacity: bytes) { handle(event) }
    }
    let polled = shared { [root = watcher.root] state in
      catchUp.directories.compactMap { state.tree.directory(at: $0, from: root) }
    }.filter(polls.contains)
    if !polled.isEmpty, let confined = try? ConfinedTree(at: base) {
      for id in polled {
        let path = shared { [base] in $0.tree.path(of: id, from: base) }
        list(Job(directory: id, path: path, deep: false, mark: .ifChanged), confined)
      }
    }
    // An overflow may have taken events of any directory: then the walk after it tells.
    let walk = walks + (nextReasons.isEmpty ? 0 : 1)
    caughtUp = (catchUp.time, max(walk, caughtUp?.walk ?? 0))
  }

  /// Says so when everything that was asked for is marked.
  func finishCatchUp() {
    // In a directory that has just come there may be others, and files: they are marked when it is listed.
    guard let caughtUp, jobs.isEmpty, walks - (reasons.isEmpty ? 0 : 1) >= caughtUp.walk else { return }
    self.caughtUp = nil
    shared { $0.seen = caughtUp.time }
    watcher.dirty.ring()
  }

  /// Takes events off the kernel's queue, which is short, while something takes long; up to a bound.
  func readAhead() {
    guard let inotify, ahead.count < 1 << 18, let events = try? inotify.read() else { return }
    ahead += events
  }
}
