import Synchronization

/// Notices a peer that has stopped taking the bytes of a request.
///
/// AsyncHTTPClient's own write timeout stops counting just when the socket is full, and its read timeout does not count
/// before the request is out: between the two a stalled upload would hang for ever.
final class StallWatch: Sendable {
  private struct State {
    var taken: Int64 = -1
    var moved = ContinuousClock.now
  }
  private let state = Mutex(State())
  private let length: Int64
  private let limit: Duration

  init(length: Int64, limit: Duration) {
    self.length = length
    self.limit = limit
  }

  /// Notes that the network asked for more after it took `taken` bytes.
  func move(to taken: Int64) {
    state.withLock { state in
      state.taken = taken
      state.moved = .now
    }
  }

  /// Waits until the request stood still for longer than the limit.
  ///
  /// - Returns: how many bytes had gone out; `nil` if all were taken, after which the reply's timeout counts, or if the
  ///   task was cancelled.
  func stall() async -> Int64? {
    while true {
      let (taken, moved) = state.withLock { ($0.taken, $0.moved) }
      if taken >= length { return nil }
      let deadline = moved + limit
      if deadline <= .now { return max(taken, 0) }
      do {
        try await Task.sleep(until: deadline, clock: .continuous)
      } catch {
        return nil
      }
    }
  }
}
