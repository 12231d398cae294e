import Kernel
import SystemPackage

/// Tells when a directory has been quiet for long enough.
///
/// A value that its caller drives: it knows no clock, starts no task and sets no timer. Its instants must be those of a
/// clock that neither jumps nor runs while the machine sleeps, since nobody writes then: `SuspendingClock`.
package struct Settler<Instant: InstantProtocol> where Instant.Duration == Swift.Duration {
  private let quiet: Duration
  private let longest: Duration
  private var waiting: [FilePath: Wait] = [:]

  private struct Wait {
    var first: Instant
    var last: Instant
  }

  /// - Parameters:
  ///   - quiet: For how long nothing must have happened.
  ///   - longest: After this time since the first event a directory is worth a look although it is never quiet, e.g.
  ///     because a log file grows in it; and again each time that it is over.
  package init(quiet: Duration, longest: Duration) {
    self.quiet = quiet
    self.longest = max(longest, quiet)
  }

  /// Something happened in `directory`: its quiet time begins anew.
  package mutating func touch(_ directory: FilePath, at now: Instant) {
    waiting[directory] = Wait(first: waiting[directory]?.first ?? now, last: now)
  }

  /// The directories that have been quiet for long enough, which are forgotten with that, and those whose longest time
  /// is over; in the order of their paths' bytes.
  ///
  /// - Parameter time: Everything that happened before it must have been told.
  package mutating func due(at time: Instant) -> [FilePath] {
    var due: [FilePath] = []
    for (directory, wait) in waiting where deadline(of: wait) <= time {
      due.append(directory)
      waiting[directory] = isQuiet(wait, at: time) ? nil : Wait(first: time, last: wait.last)
    }
    return due.map { ($0, $0.bytes) }.sorted { $0.1.lexicographicallyPrecedes($1.1) }.map(\.0)
  }

  /// The directories that ``due(at:)`` would give.
  package func isDue(at time: Instant) -> [FilePath] {
    waiting.filter { deadline(of: $0.value) <= time }.map(\.key)
  }

  /// Whether something happened in `directory` and its quiet time is not over.
  package func isSettling(_ directory: FilePath, at time: Instant) -> Bool {
    waiting[directory].map { !isQuiet($0, at: time) } ?? false
  }

  /// When ``due(at:)`` will have something to give; `nil` when nothing is waited for.
  package var nextDeadline: Instant? {
    waiting.values.map(deadline(of:)).min()
  }

  private func isQuiet(_ wait: Wait, at time: Instant) -> Bool { wait.last.advanced(by: quiet) <= time }

  private func deadline(of wait: Wait) -> Instant {
    min(wait.last.advanced(by: quiet), wait.first.advanced(by: longest))
  }
}

extension Settler: Sendable where Instant: Sendable {}
