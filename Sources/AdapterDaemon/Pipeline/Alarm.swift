import Synchronization

/// Rings a bell at a time. Of several times set only the earliest counts: who is woken looks at everything anyway, and
/// sets the next.
final class Alarm: Sendable {
  private let next = Mutex<SuspendingClock.Instant?>(nil)
  private let ring: @Sendable () -> Void

  init(ring: @escaping @Sendable () -> Void) {
    self.ring = ring
  }

  /// Rings at `time`, by a child task of `group`; ends with it.
  func set(_ time: SuspendingClock.Instant, in group: inout ThrowingDiscardingTaskGroup<any Error>) {
    let isEarlier = next.withLock { next in
      if let next, next <= time { return false }
      next = time
      return true
    }
    guard isEarlier else { return }
    group.addTask { [self] in
      // Cancelled with its group: then nobody listens any more.
      try? await Task.sleep(until: time, clock: .suspending)
      next.withLock { if $0 == time { $0 = nil } }
      ring()
    }
  }
}
