import Kernel
import SystemPackage

/// Something that keeps the watcher from seeing all of the tree, or from seeing it at once. It lasts until it is gone
/// from the watcher's list.
package struct WatchProblem: Sendable, Hashable, CustomStringConvertible {
  package enum Cause: Sendable, Hashable {
    /// It cannot be looked at.
    case errno(Errno)
    /// The kernel gives no more watches; so many directories are known to need one.
    case noWatches(directories: Int)
    /// The kernel gives no inotify instance.
    case noInstances
    /// What others write there makes no event here: it is looked at from time to time as well.
    case fileSystem(FileSystemKind, PollTiming)
  }

  /// What it is about; the root itself if that is everything.
  package let path: FilePath
  package let cause: Cause

  package init(path: FilePath, cause: Cause) {
    self.path = path
    self.cause = cause
  }

  package init(path: FilePath, errno: Errno) {
    self.init(path: path, cause: .errno(errno))
  }

  /// Whether everything is found nevertheless, in reasonable time, and nobody has to do anything.
  package var isHarmless: Bool {
    if case .fileSystem = cause { return true }
    return false
  }

  /// What is wrong and what to do about it, as one line.
  package var description: String { "\(path.shown): \(explanation)" }

  private var explanation: String {
    switch cause {
    case .errno(.noSuchFileOrDirectory): "it does not exist yet; it will be taken up when it appears"
    case .errno(.permissionDenied): "the daemon may not read it; give its user read and search permission"
    case .errno(.notDirectory): "it is not a directory"
    case .errno(.tooManySymbolicLinkLevels): "its symbolic links lead in a circle"
    case .errno(.fileNameTooLong): "its path is longer than the kernel takes; it is not looked into"
    case .errno(let errno): "\(errno)"
    case .noWatches(let directories): InotifyLimit.watches.advice(atLeast: max(directories * 2, 65_536))
    case .noInstances: InotifyLimit.instances.advice(atLeast: 512)
    case .fileSystem(let kind, let timing): Self.explanation(kind, timing)
    }
  }

  private static func explanation(_ kind: FileSystemKind, _ timing: PollTiming) -> String {
    switch kind {
    case .local: "it is a local file system"
    case .overlay:
      "it is on overlayfs, where inotify misses what does not come through the same mount; it is also looked at every "
        + "\(text(timing.slow))"
    case .remote(let name):
      "it is on \(name), where inotify sees only what this machine writes; it is also looked at every "
        + "\(text(timing.shortest)) to \(text(timing.longest))"
    }
  }

  private static func text(_ duration: Duration) -> String {
    let seconds = duration.components.seconds
    if seconds >= 120, seconds % 60 == 0 { return "\(seconds / 60) min" }
    return seconds > 0 ? "\(seconds) s" : "\(duration.microseconds / 1000) ms"
  }
}
