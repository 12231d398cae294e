import Kernel
import SystemPackage

/// Something that keeps the watcher from seeing all of the tree. It lasts until it is gone from the watcher's list.
package struct WatchProblem: Sendable, Equatable, CustomStringConvertible {
  /// What cannot be seen; the root itself if nothing can.
  package let path: FilePath
  package let errno: Errno

  /// What is wrong and what to do about it, as one line.
  package var description: String {
    let remedy =
      switch errno {
      case .noSuchFileOrDirectory: "it does not exist yet; it will be taken up when it appears"
      case .permissionDenied: "the daemon may not read it; give its user read and search permission"
      case .notDirectory: "it is not a directory"
      case .tooManySymbolicLinkLevels: "its symbolic links lead in a circle"
      case .fileNameTooLong: "its path is longer than the kernel takes; it is not looked into"
      case .tooManyOpenFiles: "no inotify instance is left; raise fs.inotify.max_user_instances"
      default: "\(errno)"
      }
    return "\(path.shown): \(remedy)"
  }
}

/// What the watcher has done and is doing, for `status` and the journal.
package struct WatchStatistics: Sendable, Equatable {
  /// Directories that are known, the root included.
  package internal(set) var directories = 0
  /// inotify watches in the tree.
  package internal(set) var watches = 0
  /// Directories that are looked at from time to time because they have no watch.
  package internal(set) var polled = 0
  /// Walks over the whole tree that were finished, the one at the start included.
  package internal(set) var rescans = 0
  /// Times that the kernel dropped events.
  package internal(set) var overflows = 0
  /// Why and how the watching is worse than it could be, with the remedy; `nil` when all is well.
  package internal(set) var degraded: String?
}

/// The limits of inotify(7), each a line of `/proc/sys/fs/inotify`.
enum InotifyLimit {
  /// What to say when the kernel gives no more watches (`ENOSPC`).
  ///
  /// - Parameter directories: How many are known to need one.
  static func advice(directories: Int) -> String {
    let now = current()
    var wanted = max(directories * 2, 65_536)
    if let now { wanted = max(wanted, now * 2) }
    return
      "no inotify watch is left (fs.inotify.max_user_watches is \(now.map(String.init) ?? "unknown")); the rest of "
      + "the tree is polled; remedy: sysctl fs.inotify.max_user_watches=\(wanted)"
  }

  private static func current() -> Int? {
    let folder = FilePath("/proc/sys/fs/inotify")
    guard let file = try? ConfinedTree(at: folder).openFile(folder.appending("max_user_watches")),
      let bytes = try? file.read(from: 0, count: 32, path: folder)
    else { return nil }
    return Int(String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
  }
}
