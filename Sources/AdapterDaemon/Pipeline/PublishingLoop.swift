import Foundation
import Kernel
import Publishing
import Reports
import Synchronization
import SystemPackage

/// Publishes what the ledger holds, as it becomes due: targets side by side, one target in order.
///
/// It runs beside the loops that look at outputs: a long upload must not delay noticing.
final class PublishingLoop: Sendable {
  private struct State {
    var policies: [PublishTarget: PublishPolicy] = [:]
    var inFlight: Set<PublishTarget> = []
    var isStopping = false
    var isCancelling = false
    /// Nothing is tried before: the ledger could not be written.
    var pausedUntil: SuspendingClock.Instant?
  }

  /// Uploads at a time: enough to keep a line busy, few enough not to disturb a training.
  private static let width = 4

  /// How long a ledger that cannot be written is left alone.
  private static let pause: Duration = .seconds(5)

  private let ledger: Ledger
  private let publisher: Publisher
  private let reporter: Reporter
  private let watchdog: Watchdog
  private let stage: Watchdog.Stage
  private let state = Mutex(State())
  private let rings: AsyncStream<Void>
  private let bell: AsyncStream<Void>.Continuation
  private let alarm: Alarm

  init(ledger: Ledger, publisher: Publisher, reporter: Reporter, watchdog: Watchdog) {
    self.ledger = ledger
    self.publisher = publisher
    self.reporter = reporter
    self.watchdog = watchdog
    stage = watchdog.register("publishing")
    (rings, bell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    alarm = Alarm { [bell] in bell.yield() }
  }

  /// Says how `target` is to be treated, and that there may be something for it.
  func ring(_ target: PublishTarget, policy: PublishPolicy) {
    state.withLock { $0.policies[target] = policy }
    bell.yield()
  }

  /// Looks again: a heartbeat, a deadline.
  func ring() { bell.yield() }

  /// Begins nothing new; ``run()`` ends when what is in flight has ended.
  ///
  /// - Parameter atOnce: Whether uploads are left as they are, to be taken up at the next start; commits are always
  ///   finished.
  func stop(atOnce: Bool) {
    state.withLock { state in
      state.isStopping = true
      state.isCancelling = state.isCancelling || atOnce
    }
    bell.yield()
  }

  /// Whether something is being published just now.
  var isBusy: Bool { state.withLock { !$0.inFlight.isEmpty } }

  /// - Throws: what the ledger throws and will not pass: without it nothing may be published.
  func run() async throws {
    try await withThrowingDiscardingTaskGroup { alarms in
      try await withThrowingDiscardingTaskGroup { group in
        for await _ in rings {
          watchdog.busy(stage)
          defer { watchdog.idle(stage) }
          let now = state.withLock { $0 }
          if now.isCancelling { group.cancelAll() }
          if now.isCancelling || now.isStopping && now.inFlight.isEmpty { break }
          if now.isStopping { continue }
          if let paused = now.pausedUntil, paused > .now {
            alarm.set(paused, in: &alarms)
            continue
          }
          do {
            if let next = try await startDue(in: &group) {
              alarm.set(.now + .seconds(max(0.01, next.timeIntervalSinceNow)), in: &alarms)
            }
          } catch {
            try pause(after: error)
            bell.yield()
          }
        }
      }
      alarms.cancelAll()
    }
  }

  /// Without a ledger nothing is published; with a full disk it is worth waiting.
  ///
  /// - Throws: `error` if it will not pass.
  private func pause(after error: any Error) throws {
    guard Ledger.mayPass(error) else { throw error }
    reporter.troubled(error)
    state.withLock { $0.pausedUntil = .now + Self.pause }
  }

  /// Begins what is due.
  ///
  /// - Returns: when the next is, if one is not yet.
  private func startDue(in group: inout ThrowingDiscardingTaskGroup<any Error>) async throws -> Date? {
    var next: Date?
    for publication in try await ledger.pending() where publication.status != .refused {
      // A target that no section names any more waits until one does.
      guard let policy = state.withLock({ $0.policies[publication.target] }) else { continue }
      let due = try await publisher.due(publication, policy: policy)
      if due > Date() {
        next = min(due, next ?? due)
        if publication.attempts == 0 {
          reporter.waits(publication.target, "queued until \(due.formatted(.dateTime.hour().minute().second()))")
        }
        continue
      }
      let isFree = state.withLock { state in
        state.inFlight.count < Self.width && state.inFlight.insert(publication.target).inserted
      }
      guard isFree else { continue }
      group.addTask { [self] in
        let stage = watchdog.register("publishing \(publication.target)")
        defer {
          watchdog.idle(stage)
          state.withLock { _ = $0.inFlight.remove(publication.target) }
          bell.yield()
        }
        watchdog.busy(stage)
        do {
          _ = try await publisher.publish(publication, policy: policy) { [watchdog] _ in watchdog.progress(stage) }
        } catch {
          // What was cut off stays in the ledger as it was when it began.
          if !Task.isCancelled { try pause(after: error) }
        }
      }
    }
    return next
  }
}
