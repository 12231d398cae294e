import Foundation

/// What adapterd's commits say of themselves at the end of their message, in the form of git-interpret-trailers(1).
///
/// It tells whoever publishes next, from whatever machine, what is there: two daemons that watch one tree share no
/// ledger, but they share the repo.
struct CommitMark: Sendable, Equatable {
  /// When the weights were last written, nanoseconds since 1970.
  let written: Int64
  /// Paths whose text is somebody else's, and stays so.
  var kept: [String] = []

  private static let writtenKey = "Adapter-Written: "
  private static let keptKey = "Adapter-Kept: "

  /// The lines of it.
  var text: String {
    ([Self.writtenKey + Self.time(written)] + kept.map { Self.keptKey + $0 }).joined(separator: "\n")
  }

  init(written: Int64, kept: [String] = []) {
    self.written = written
    self.kept = kept
  }

  /// Reads it out of a commit's message; `nil` if that has none.
  init?(in message: String) {
    var written: Int64?
    for line in message.split(whereSeparator: \.isNewline) {
      if line.hasPrefix(Self.writtenKey) { written = Self.nanoseconds(line.dropFirst(Self.writtenKey.count)) }
      if line.hasPrefix(Self.keptKey) { kept.append(String(line.dropFirst(Self.keptKey.count))) }
    }
    guard let written else { return nil }
    self.written = written
  }

  /// RFC 3339 in UTC, with nanoseconds.
  private static func time(_ nanoseconds: Int64) -> String {
    let (seconds, rest) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000)
    let date = Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
    let digits = String(rest)
    return "\(date.dropLast()).\(String(repeating: "0", count: max(0, 9 - digits.count)))\(digits)Z"
  }

  private static func nanoseconds(_ text: Substring) -> Int64? {
    let text = text.trimmingCharacters(in: .whitespaces)
    let parts = text.split(separator: ".", maxSplits: 1)
    guard parts.count == 2, parts[1].count == 10, parts[1].last == "Z", let rest = Int64(parts[1].dropLast()),
      let date = try? Date("\(parts[0])Z", strategy: .iso8601)
    else { return nil }
    return Int64(date.timeIntervalSince1970) * 1_000_000_000 + rest
  }
}
