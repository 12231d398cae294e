/// An access token of the Hub, which cannot be printed by accident: every way to turn it into text says `‹redacted›`.
package struct Token: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  private let text: String

  /// - Parameter text: As read from a file or a variable; line ends and blanks around it are removed.
  package init(_ text: String) {
    let blanks: Set<Character> = [" ", "\t", "\r", "\n", "\r\n"]
    let trimmed = text.drop { blanks.contains($0) }
    self.text = String(trimmed.reversed().drop { blanks.contains($0) }.reversed())
  }

  /// Never the token; likewise below.
  package var description: String { "‹redacted›" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: []) }

  /// The value of the `Authorization` header; `nil` if the text cannot be a token, e.g. because it is empty or has a
  /// line end in it: an HTTP library would print it in the error it throws for such a header.
  var authorization: String? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
    return "Bearer \(text)"
  }
}
