import Foundation
import Kernel
import Publishing
import Synchronization

/// Shows how far an upload is: on a terminal one line that changes, else a line when a file begins and one when it is done.
package final class ProgressMeter: Sendable {
  private struct State {
    var file: String?
    var began = ContinuousClock.now
    var isDone = false
    /// When the line was last drawn.
    var drawn: ContinuousClock.Instant?
  }

  private let isTerminal: Bool
  private let now: @Sendable () -> ContinuousClock.Instant
  private let write: @Sendable (String) -> Void
  private let state = Mutex(State())

  /// More often than this nobody can read it.
  private static let interval: Duration = .milliseconds(100)

  /// - Parameters:
  ///   - isTerminal: Whether a line can be drawn over.
  ///   - now: Tells the time.
  ///   - write: Gets what is to be shown, with its line ends.
  package init(
    isTerminal: Bool, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
    write: @escaping @Sendable (String) -> Void
  ) {
    self.isTerminal = isTerminal
    self.now = now
    self.write = write
  }

  package func note(_ progress: TransferProgress) {
    let now = self.now()
    let text = state.withLock { state -> String? in
      let isNew = state.file != progress.file
      if isNew { state = State(file: progress.file, began: now) }
      if state.isDone { return nil }
      state.isDone = progress.sent >= progress.total
      // Gone before anybody could have looked.
      if isNew, state.isDone { return nil }
      let elapsed = state.began.duration(to: now).seconds
      if isTerminal {
        if let drawn = state.drawn, !state.isDone, drawn.duration(to: now) < Self.interval { return nil }
        state.drawn = now
        return "\r\u{1B}[K" + Self.line(progress, after: elapsed)
      }
      let size = Reporter.bytes(progress.total)
      let seconds = elapsed.formatted(.number.precision(.fractionLength(1)))
      if state.isDone { return "uploaded \(progress.file), \(size), in \(seconds) s\n" }
      return isNew ? "uploading \(progress.file), \(size)\n" : nil
    }
    if let text { write(text) }
  }

  /// Takes the line away; what comes next has the place for itself.
  package func finish() {
    if isTerminal, state.withLock({ $0.drawn != nil }) { write("\r\u{1B}[K") }
  }

  /// E.g. `adapters.safetensors  45%  54 MB of 120 MB  12 MB/s  5 s left`.
  static func line(_ progress: TransferProgress, after elapsed: Double) -> String {
    let percent = progress.total > 0 ? progress.sent * 100 / progress.total : 100
    var parts = [
      progress.file, "\(percent)%", "\(Reporter.bytes(progress.sent)) of \(Reporter.bytes(progress.total))",
    ]
    let rate = Double(progress.sent) / max(elapsed, 0.001)
    if elapsed >= 0.5, rate > 0 {
      parts.append("\(Reporter.bytes(Int64(rate)))/s")
      let left = Double(progress.total - progress.sent) / rate
      parts.append("\(left.rounded(.up).formatted(.number.precision(.fractionLength(0)))) s left")
    }
    return parts.joined(separator: "  ")
  }
}
