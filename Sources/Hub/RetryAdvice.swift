import Foundation
import NIOHTTP1

/// How long a reply asks its reader to wait.
enum RetryAdvice {
  /// `RateLimit` comes with every reply, so it counts only where the status says that the quota is used up and the
  /// header agrees; then `Retry-After` in seconds, on server errors too. Its date form is not used by the Hub. A second
  /// is added because both are rounded.
  ///
  /// - Returns: `nil` if the reply asks for nothing.
  static func pause(_ reply: Reply) -> Duration? {
    if reply.status == 429, let seconds = reply.headers[canonicalForm: "RateLimit"].compactMap(exhausted).max() {
      return .seconds(seconds + 1)
    }
    guard let text = reply.headers.first(name: "Retry-After"), let seconds = seconds(text[...]) else { return nil }
    return seconds == 0 ? .zero : .seconds(seconds + 1)
  }

  /// `t` of `"api";r=0;t=55`; `nil` if something is left.
  private static func exhausted(_ policy: Substring) -> Int? {
    var values: [String: Int] = [:]
    for item in policy.split(separator: ";").dropFirst() {
      let parts = item.split(separator: "=", maxSplits: 1)
      guard parts.count == 2 else { continue }
      values[parts[0].trimmingCharacters(in: .whitespaces)] = seconds(parts[1])
    }
    return values["r"] == 0 ? values["t"] : nil
  }

  /// At most a day: what is longer is a mistake, and would overflow somewhere.
  private static func seconds(_ text: Substring) -> Int? {
    guard let value = Int(text.trimmingCharacters(in: .whitespaces)), value >= 0 else { return nil }
    return min(value, 86_400)
  }
}
