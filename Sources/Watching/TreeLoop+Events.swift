import Kernel
import SystemPackage

/// What each event of inotify(7) means for the tree.
///
/// Between an event and its reading the tree may have gone on, so an event is a reason to look, not a fact. Where
/// looking ahead has found more than the queue has told, the queue's later events set it right.
extension TreeLoop {
  /// What is asked for in each directory.
  static let mask: InotifyMask = [
    .closeWrite, .create, .delete, .movedFrom, .movedTo, .attributes, .deleteSelf, .moveSelf,
    .onlyDirectory, .dontFollow, .excludeUnlinked,
  ]

  func handle(_ event: InotifyEvent) {
    if event.mask.contains(.queueOverflow) {
      shared { $0.statistics.overflows += 1 }
      return walk(.overflow)
    }
    guard let id = shared({ $0.tree.directory(watchedBy: event.watch) }) else { return }
    if event.name.isEmpty {
      handleSelf(event.mask, of: id)
    } else if event.mask.contains(.isDirectory) {
      handleDirectory(event, in: id)
    } else if !marked.contains(id), !watcher.exclusions.ignoresFile(named: event.name) {
      marked.insert(id)
    }
  }

  /// Something happened to the watched directory itself.
  private func handleSelf(_ mask: InotifyMask, of id: DirectoryTree.ID) {
    let (isRoot, parent) = shared { ($0.tree.root == id, $0.tree.parent(of: id)) }
    if mask.contains(.ignored) || mask.contains(.deleteSelf) || mask.contains(.unmount) {
      if isRoot {
        baseIdentity = nil  // so that the same directory, mounted again, is taken up anew
        mustApproach = true
        return
      }
      remove(id)
      // Below an unmounted directory there may be another one.
      if mask.contains(.unmount), let parent { enqueue(parent, mark: .yes) }
    } else if mask.contains(.attributes), hasProblem(id) {
      enqueue(id, mark: .yes)
    }
  }

  /// Something happened to a directory in the watched one.
  private func handleDirectory(_ event: InotifyEvent, in parent: DirectoryTree.ID) {
    let path = shared { [base] in $0.tree.path(of: parent, from: base) }.appending(bytes: event.name)
    if watcher.exclusions.excludesDirectory(shown(path), named: event.name) { return }
    let known = shared { $0.tree.child(event.name, of: parent) }
    if event.mask.contains(.create) || event.mask.contains(.movedTo) {
      marked.insert(parent)
      attach(event.name, in: parent, at: path, deep: false, mark: .yes)
    } else if event.mask.contains(.movedFrom) || event.mask.contains(.delete) {
      marked.insert(parent)
      note(nil, atReal: path)
      // One that was moved within the tree is found again at its new place, with all that happened on the way.
      guard let known else { return }
      remove(known)
      // With RENAME_EXCHANGE, of renameat2(2), another one has come here already, and the event for that was before this.
      attach(event.name, in: parent, at: path, deep: false, mark: .yes)
    } else if event.mask.contains(.attributes), known == nil {
      attach(event.name, in: parent, at: path, deep: false, mark: .yes)
    }
  }

  private func hasProblem(_ id: DirectoryTree.ID) -> Bool {
    shared { [root = watcher.root] in $0.errors[$0.tree.path(of: id, from: root)] != nil }
  }
}

extension FilePath {
  /// The path with one more component, which is any bytes but null and `/`.
  func appending(bytes name: [UInt8]) -> FilePath {
    FilePath(bytes: bytes + [UInt8(ascii: "/")] + name)
  }
}
