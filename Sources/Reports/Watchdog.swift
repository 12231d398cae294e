import Synchronization

/// Says "the daemon works" to the service manager, but only while it is true.
///
/// A stage is idle while it waits for work and busy while it has some. A busy stage that makes no progress for longer
/// than its patience is stuck, and as long as one is stuck no ping is sent, so that the service manager ends the daemon
/// and starts it anew. ``tick()`` belongs into the pipeline's own loop, at least once a ``period``: a timer beside it
/// would say that all is well while the loop hangs.
package final class Watchdog: Sendable {
  /// A part of the pipeline that can get stuck.
  package struct Stage: Sendable, Hashable {
    package let name: String
  }

  /// A stage that is stuck, and for how long it made no progress.
  package struct Stuck: Sendable, Equatable {
    package let stage: String
    package let since: Duration
  }

  private struct Work {
    var progressed: Duration
    var patience: Duration
  }

  /// How often ``tick()`` has to be called: half of the service manager's interval, as sd_watchdog_enabled(3) advises;
  /// nil: nobody watches.
  package let period: Duration?
  private let patience: Duration
  private let now: @Sendable () -> Duration
  private let ping: @Sendable () -> Void
  /// The stages that are busy.
  private let working = Mutex<[Stage: Work]>([:])

  /// - Parameters:
  ///   - patience: How long a busy stage may go without progress; by default the service manager's interval, or two
  ///     minutes.
  ///   - clock: By default one that stands while the machine sleeps, as the service manager's does.
  package init<C: Clock>(_ manager: ServiceManager, patience: Duration? = nil, clock: C = SuspendingClock())
  where C.Duration == Duration {
    let start = clock.now
    now = { start.duration(to: clock.now) }
    ping = { manager.watchdog() }
    period = manager.watchdogInterval.map { $0 / 2 }
    self.patience = patience ?? manager.watchdogInterval ?? .seconds(120)
  }

  /// Takes up a stage, idle at first. The same name is the same stage.
  package func register(_ name: String) -> Stage {
    let stage = Stage(name: name)
    idle(stage)
    return stage
  }

  /// The stage has work. Whoever hands the work over may say so: then a stage that never wakes up is noticed as well.
  /// If it is busy already, that is no progress.
  ///
  /// - Parameter patience: For work known to take longer between two signs of progress, such as a slow server's answer.
  package func busy(_ stage: Stage, patience: Duration? = nil) {
    let now = self.now()
    working.withLock { working in
      let since = working[stage]?.progressed ?? now
      working[stage] = Work(progressed: since, patience: patience ?? self.patience)
    }
  }

  /// The stage got further: a file, a chunk, an answer. Means nothing for an idle stage.
  package func progress(_ stage: Stage) {
    let now = self.now()
    working.withLock { $0[stage]?.progressed = now }
  }

  /// The stage has done its work and waits for more.
  package func idle(_ stage: Stage) {
    working.withLock { $0[stage] = nil }
  }

  /// Pings the service manager unless a stage is stuck.
  ///
  /// - Returns: the stages that are stuck, by name; the caller says so.
  @discardableResult
  package func tick() -> [Stuck] {
    let now = self.now()
    let stuck = working.withLock { working in
      working.filter { now - $0.value.progressed > $0.value.patience }
        .map { Stuck(stage: $0.key.name, since: now - $0.value.progressed) }
    }
    if stuck.isEmpty { ping() }
    return stuck.sorted { $0.stage < $1.stage }
  }
}
