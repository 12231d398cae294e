import Kernel
import SystemPackage

/// Tells when a directory has been quiet for long enough.
///
/// A value that its caller drives: it starts no task and sets no timer; who owns it waits until ``nextDeadline``. Use a
/// clock that never jumps, such as `ContinuousClock`.
package struct Settler<C: Clock> where C.Duration == Swift.Duration {
  private let quiet: Duration
  private let longest: Duration?
  private let clock: C
  private var waiting: [FilePath: Wait] = [:]

  private struct Wait {
    let first: C.Instant
    var deadline: C.Instant
  }

  /// - Parameters:
  ///   - quiet: For how long nothing must have happened.
  ///   - longest: After this time since the first event, a directory counts as settled although it is never quiet, e.g.
  ///     because a log file grows in it; never if `nil`.
  ///   - clock: What time it is.
  package init(quiet: Duration, longest: Duration? = nil, clock: C) {
    self.quiet = quiet
    self.longest = longest
    self.clock = clock
  }

  /// Something happened in `directory`: its quiet time begins anew.
  package mutating func touch(_ directory: FilePath) {
    let now = clock.now
    let first = waiting[directory]?.first ?? now
    var deadline = now.advanced(by: quiet)
    if let longest { deadline = min(deadline, first.advanced(by: longest)) }
    waiting[directory] = Wait(first: first, deadline: deadline)
  }

  /// Takes out the directories that have been quiet for long enough, in the order of their paths' bytes.
  package mutating func settled() -> [FilePath] {
    let now = clock.now
    let over = waiting.filter { $0.value.deadline <= now }.keys
    for directory in over { waiting[directory] = nil }
    return over.map { ($0, $0.bytes) }.sorted { $0.1.lexicographicallyPrecedes($1.1) }.map(\.0)
  }

  /// Whether something happened in `directory` and its quiet time is not over.
  package func isSettling(_ directory: FilePath) -> Bool {
    guard let wait = waiting[directory] else { return false }
    return wait.deadline > clock.now
  }

  /// When ``settled()`` will have something to give; `nil` when nothing is waited for.
  package var nextDeadline: C.Instant? {
    waiting.values.map(\.deadline).min()
  }
}

extension Settler: Sendable where C: Sendable {}
