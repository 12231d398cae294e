import Kernel

/// How long to wait before the next try: exponential with full jitter, so that many clients do not come back at once.
///
/// Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ ("full jitter").
package struct Backoff: Sendable {
  /// The upper bound of the first wait, and of any.
  package var first: Duration = .seconds(1)
  package var longest: Duration = .seconds(300)

  package init(first: Duration = .seconds(1), longest: Duration = .seconds(300)) {
    self.first = first
    self.longest = longest
  }

  /// - Parameters:
  ///   - attempts: Tries that have failed, at least 1.
  ///   - asked: What the other side asked for; never less than that.
  package func wait(afterAttempts attempts: Int, asked: Duration? = nil) -> Duration {
    let doublings = min(max(attempts, 1) - 1, 20)
    let bound = min(longest, first * (1 << doublings))
    let jittered = Duration.microseconds(Int64.random(in: 0...max(1, bound.microseconds)))
    return max(jittered, asked ?? .zero)
  }
}
