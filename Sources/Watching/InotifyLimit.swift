import Kernel
import SystemPackage

/// A limit of inotify(7), a line of `/proc/sys/fs/inotify`.
enum InotifyLimit: String {
  case watches = "max_user_watches"
  case instances = "max_user_instances"

  /// What to say when the kernel gives no more (`ENOSPC`, `EMFILE`).
  ///
  /// - Parameter least: What is likely to do; never less than twice what it is now.
  func advice(atLeast least: Int) -> String {
    let now = current()
    let wanted = max(least, (now ?? 0) * 2)
    let (what, rest) =
      switch self {
      case .watches: ("watch", "the rest of the tree is polled")
      case .instances: ("instance", "the tree is polled")
      }
    return
      "no inotify \(what) is left (fs.inotify.\(rawValue) is \(now.map(String.init) ?? "unknown")); \(rest); remedy: "
      + "sysctl fs.inotify.\(rawValue)=\(wanted)"
  }

  private func current() -> Int? {
    let folder = FilePath("/proc/sys/fs/inotify")
    guard let file = try? ConfinedTree(at: folder).openFile(folder.appending(rawValue)),
      let bytes = try? file.read(from: 0, count: 32, path: folder)
    else { return nil }
    return Int(String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
  }
}
