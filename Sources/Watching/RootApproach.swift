import Glibc
import Kernel
import SystemPackage

/// The way from `/` to the watched root, and watches on it that tell when it leads elsewhere.
///
/// inotify watches inodes, not paths: a root that is renamed, or whose parent is, would be watched on under its old
/// name. So each directory and symbolic link on the way is watched for its own removal and renaming, which wakes nobody
/// as long as nothing of that kind happens; and where the way ends early, its last directory is watched for the missing
/// name. Nothing here marks anything dirty.
struct RootApproach {
  enum Destination {
    /// A directory that can be listed: its path without symbolic links, and its identity.
    case directory(FilePath, FileIdentity)
    /// Why there is none.
    case missing(Errno)
  }

  let destination: Destination
  /// `nil` if there is no instance to be had.
  let inotify: Inotify?
  /// Whether a place that matters could not be watched: then the way has to be walked again now and then.
  let isBlind: Bool
  private let awaited: [UInt8]?

  private static let itself: InotifyMask = [.deleteSelf, .moveSelf, .dontFollow]
  private static let names: InotifyMask = [.create, .movedTo, .attributes, .deleteSelf, .moveSelf, .onlyDirectory]
  /// As many as the kernel follows, see path_resolution(7).
  private static let maximumLinks = 40

  /// Walks to `path`, which is absolute, setting each watch before it looks, so that no change is missed between.
  init(to path: FilePath) {
    inotify = try? Inotify()
    var walk = Walk(inotify: inotify, path: path)
    destination = walk.run()
    awaited = walk.awaited
    isBlind = walk.isBlind || inotify == nil
  }

  /// Whether `event` may mean that the way has changed.
  func concerns(_ event: InotifyEvent) -> Bool {
    event.name.isEmpty || event.name == awaited
  }

  private struct Walk {
    let inotify: Inotify?
    var pending: [FilePath.Component]
    var current = FilePath("/")
    var links = 0
    var awaited: [UInt8]?
    var isBlind = false
    private var arrived = Destination.missing(.noSuchFileOrDirectory)

    init(inotify: Inotify?, path: FilePath) {
      self.inotify = inotify
      pending = path.components.reversed()
    }

    mutating func run() -> Destination {
      var last: (parent: FilePath, name: FilePath.Component)?
      while let name = pending.popLast() {
        if name.kind == .currentDirectory { continue }
        if name.kind == .parentDirectory {
          current.removeLastComponent()
          continue
        }
        let parent = current
        // The second look is for what came between the first one and the watch for it.
        if step(to: name) != nil {
          expect(name, in: parent)
          if let failure = step(to: name) { return .missing(failure) }
          awaited = nil
        }
        if current != parent { last = (parent, name) }
      }
      if let failure = look() {
        guard let last else { return .missing(failure) }
        expect(last.name, in: last.parent)
        if let failure = look() { return .missing(failure) }
        awaited = nil
      }
      return arrived
    }

    /// Goes on over `name`; returns why not.
    private mutating func step(to name: FilePath.Component) -> Errno? {
      let next = current.appending(name)
      _ = watch(next, RootApproach.itself)
      do throws(SystemError) {
        let identity = try FileIdentity(of: next)
        if identity.isSymbolicLink { return follow(next) }
        guard identity.isDirectory else { return .notDirectory }
        current = next
        return nil
      } catch {
        return error.errno
      }
    }

    private mutating func follow(_ link: FilePath) -> Errno? {
      links += 1
      if links > RootApproach.maximumLinks { return .tooManySymbolicLinkLevels }
      var target = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
      let length = link.withPlatformString { readlink($0, &target, target.count - 1) }
      guard length > 0 else { return Errno(rawValue: errno) }
      let path = FilePath(bytes: target.prefix(length).map { UInt8(bitPattern: $0) })
      if path.isAbsolute { current = FilePath("/") }
      pending += path.components.reversed()
      return nil
    }

    /// Looks at the directory at the end of the way; returns why it cannot be listed. (inotify wants the permission to
    /// read too, and so cannot tell of a directory that it is given: its parent can.)
    private mutating func look() -> Errno? {
      do throws(SystemError) {
        let identity = try FileIdentity(of: current)
        _ = try ConfinedTree(at: current).openDirectory(current)
        arrived = .directory(current, identity)
        return nil
      } catch {
        return error.errno
      }
    }

    /// Watches `parent` for `name` to come or to change its attributes.
    private mutating func expect(_ name: FilePath.Component, in parent: FilePath) {
      awaited = name.bytes
      if watch(parent, RootApproach.names) != nil { isBlind = true }
      // Somebody else may make it, without an event here.
      if case .remote? = try? FileSystemKind(at: parent) { isBlind = true }
    }

    /// Returns the error, if there is one: without the permission to read a directory it cannot be watched, but it can
    /// be walked through.
    private mutating func watch(_ path: FilePath, _ mask: InotifyMask) -> Errno? {
      do throws(SystemError) {
        _ = try inotify?.watch(path, for: mask)
        return nil
      } catch {
        if error.errno == .noSpace || error.errno == .noMemory { isBlind = true }
        return error.errno
      }
    }
  }
}
