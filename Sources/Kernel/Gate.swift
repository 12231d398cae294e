import Synchronization

/// Holds back whoever comes until it is opened, once and for all.
package final class Gate: Sendable {
  private struct State {
    var isOpen = false
    var nextID = 0
    var waiting: [Int: CheckedContinuation<Void, Never>] = [:]

    mutating func makeID() -> Int {
      nextID += 1
      return nextID
    }
  }
  private let state = Mutex(State())

  package init() {}

  /// Lets everybody through, now and later.
  package func open() {
    let waiting = state.withLock { state in
      state.isOpen = true
      defer { state.waiting = [:] }
      return state.waiting
    }
    for continuation in waiting.values { continuation.resume() }
  }

  /// Returns when the gate is open, whatever happens to the task that waits.
  package func waitEvenIfCancelled() async {
    await withCheckedContinuation { pass($0, as: nil) }
  }

  /// Returns when the gate is open, or when the task that waits is cancelled.
  package func wait() async {
    let id = state.withLock { $0.makeID() }
    await withTaskCancellationHandler {
      await withCheckedContinuation { pass($0, as: id) }
    } onCancel: {
      state.withLock { $0.waiting.removeValue(forKey: id) }?.resume()
    }
  }

  private func pass(_ continuation: CheckedContinuation<Void, Never>, as cancellable: Int?) {
    let passes = state.withLock { state in
      // A task that was cancelled before this found nothing to resume.
      if state.isOpen || cancellable != nil && Task.isCancelled { return true }
      state.waiting[cancellable ?? state.makeID()] = continuation
      return false
    }
    if passes { continuation.resume() }
  }
}
