/// The name of a model repo, `namespace/name`, under the Hub's naming rules.
///
/// Checked before anything is sent: the name becomes part of URLs. The rules are those of huggingface_hub's
/// `validate_repo_id`, except that the namespace is required: without it the Hub would have to guess the owner.
package struct RepoID: Sendable, Hashable, CustomStringConvertible {
  /// A user or an organization.
  package let namespace: String
  /// The repo's own name, unique in its namespace.
  package let name: String

  /// `namespace/name`.
  package var description: String { "\(namespace)/\(name)" }

  /// - Throws: ``HubError`` of kind `refused` that names the rule which `text` breaks.
  package init(parsing text: String) throws(HubError) {
    func refuse(_ rule: String) -> HubError {
      HubError(.refused, message: "\"\(text)\" is no repo name: \(rule)", remedy: "write it as namespace/name")
    }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2 else { throw refuse("it needs one namespace and one name, joined by one /") }
    for part in parts {
      guard (1...96).contains(part.utf8.count) else { throw refuse("each half has 1 to 96 characters") }
      guard part.utf8.allSatisfy({ Self.isWord($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }) else {
        throw refuse("only the letters a-z and A-Z, digits, '-', '_' and '.' are allowed")
      }
      guard let first = part.utf8.first, let last = part.utf8.last, Self.isWord(first), Self.isWord(last) else {
        throw refuse("neither half may start or end with '-' or '.'")
      }
    }
    guard !text.contains("--"), !text.contains("..") else { throw refuse("'--' and '..' are not allowed") }
    guard !text.hasSuffix(".git") else { throw refuse("it must not end with .git") }
    namespace = String(parts[0])
    name = String(parts[1])
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
