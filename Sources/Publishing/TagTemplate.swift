/// The name of a tag with placeholders for what it names.
package struct TagTemplate: Sendable, Equatable, CustomStringConvertible {
  private let text: String

  package var description: String { text }

  /// What is wrong with a template.
  package struct Invalid: Error, CustomStringConvertible {
    package let description: String
  }

  /// - Parameter text: As in the configuration, e.g. `step-{iterations}`; not empty.
  /// - Throws: ``Invalid`` if git would not take a tag of this name, see git-check-ref-format(1).
  package init(parsing text: String) throws(Invalid) {
    let name = text.replacing("{iterations}", with: "1")
    let isPlain = name.utf8.allSatisfy { byte in
      byte > 0x20 && byte < 0x7F && !"~^:?*[]{}\\@".utf8.contains(byte)
    }
    guard isPlain else { throw Invalid(description: "only {iterations} is put in, and git takes no such name") }
    let isPath = name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
      !part.isEmpty && !part.hasPrefix(".") && !part.hasPrefix("-") && !part.hasSuffix(".lock") && !part.hasSuffix(".")
    }
    guard isPath, !name.contains("..") else { throw Invalid(description: "git takes no tag of such a name") }
    self.text = text
  }

  /// The tag for a state.
  ///
  /// - Parameter iterations: `nil` if they are not known; a name that asks for them is `nil` then.
  func tag(iterations: Int?) -> String? {
    guard text.contains("{iterations}") else { return text }
    return iterations.map { text.replacing("{iterations}", with: String($0)) }
  }
}
