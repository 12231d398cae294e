import Synchronization
import SystemPackage

/// The joint between the thread that reads the kernel's queue and the pipeline: a set that only grows until it is taken,
/// and a doorbell.
///
/// Bounded, coalescing, never silently lossy: what does not fit makes it "everything". The marking side never waits.
package final class DirtySet: Sendable {
  /// Rings when there may be something to take. For one consumer, which takes at every ring; any number of rings that it
  /// did not hear are one. It ends for good when its consumer's task is cancelled.
  package let rings: AsyncStream<Void>

  private let bell: AsyncStream<Void>.Continuation
  private let limit: Int
  private let state = Mutex(Dirty.nothing)

  /// - Parameter limit: The most directories that are kept apart.
  package init(limit: Int = 4096) {
    self.limit = limit
    (rings, bell) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// Notes that something changed in `directory`, and rings.
  package func mark(_ directory: FilePath) {
    mark(CollectionOfOne(directory))
  }

  /// Notes all of `directories`, and rings once.
  package func mark(_ directories: some Collection<FilePath>) {
    if directories.isEmpty { return }
    state.withLock { state in
      var marked: Set<FilePath> = []
      switch state {
      case .everything: return
      case .directories(let before): marked = before
      case .nothing: break
      }
      state = .nothing  // so that the set below is not shared, and grows in place
      marked.formUnion(directories)
      state = marked.count > limit ? .everything(reasons: [.tooMany]) : .directories(marked)
    }
    ring()
  }

  /// Notes that everything has to be looked at, and rings.
  package func markEverything(_ reason: RescanReason) {
    state.withLock { state in
      guard case .everything(var reasons) = state else {
        state = .everything(reasons: [reason])
        return
      }
      reasons.insert(reason)
      state = .everything(reasons: reasons)
    }
    ring()
  }

  /// Takes all that was noted, and leaves nothing.
  package func take() -> Dirty {
    state.withLock { state in
      defer { state = .nothing }
      return state
    }
  }

  /// Rings although nothing was marked, e.g. because a settling time is over.
  package func ring() {
    bell.yield()
  }
}
