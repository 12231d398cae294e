/// What the watcher has done and is doing, for `status` and the journal.
package struct WatchStatistics: Sendable, Equatable {
  /// Directories that are known, the root included.
  package internal(set) var directories = 0
  /// inotify watches in the tree.
  package internal(set) var watches = 0
  /// Directories that have no watch, because there was none to be had or none is wanted.
  package internal(set) var unwatched = 0
  /// Directories that are looked at from time to time: those without a watch, and those whose file system others write to.
  package internal(set) var polled = 0
  /// Walks over the whole tree that were finished, the one at the start included.
  package internal(set) var rescans = 0
  /// Times that the kernel dropped events.
  package internal(set) var overflows = 0
}
