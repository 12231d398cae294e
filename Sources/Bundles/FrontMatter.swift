import Yams

/// The YAML block at the head of a model card, which the Hub reads, and the Markdown below it, which people read.
struct FrontMatter {
  /// The mapping; its keys keep the order in which they stood.
  private(set) var mapping: Node.Mapping
  /// All that follows the block.
  var body: String

  /// What is wrong with a card's front matter.
  struct Invalid: Error, Sendable, CustomStringConvertible {
    let description: String
  }

  /// Splits `card` at its `---` lines; a card without them is all body.
  ///
  /// - Throws: ``Invalid`` if the block is no YAML mapping.
  init(parsing card: String) throws(Invalid) {
    let text = card.hasPrefix("\u{FEFF}") ? String(card.dropFirst()) : card
    var lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    guard lines.first.map(Self.isFence) == true, let end = lines.dropFirst().firstIndex(where: Self.isFence) else {
      mapping = Node.Mapping([])
      body = text
      return
    }
    let block = lines[1..<end].joined(separator: "\n")
    lines.removeSubrange(...end)
    body = lines.joined(separator: "\n")
    do {
      let node = try Yams.compose(yaml: block)
      guard let mapping = node?.mapping ?? (node == nil ? Node.Mapping([]) : nil) else {
        throw Invalid(description: "the front matter is not a YAML mapping")
      }
      self.mapping = mapping
    } catch let error as Invalid {
      throw error
    } catch {
      throw Invalid(description: "the front matter is not valid YAML: \(error)")
    }
  }

  private static func isFence(_ line: Substring) -> Bool {
    line.hasPrefix("---") && line.dropFirst(3).allSatisfy(\.isWhitespace)
  }

  /// The value of `key` as a list: one string is a list of one.
  func strings(_ key: String) -> [String] {
    guard let node = mapping[Node(key)] else { return [] }
    if let sequence = node.sequence { return sequence.compactMap { $0.string } }
    if node.null != nil { return [] }
    return node.string.map { [$0] } ?? []
  }

  func has(_ key: String) -> Bool { mapping[Node(key)].map { $0.null == nil } ?? false }

  mutating func set(_ key: String, _ value: String) {
    mapping[Node(key)] = Self.scalar(value)
  }

  mutating func set(_ key: String, _ values: [String]) {
    mapping[Node(key)] = Node(values.map(Self.scalar))
  }

  /// Takes over the values of `keys` that `other` has; those that are here already only if `replacing` is set.
  mutating func take(_ keys: [String], from other: FrontMatter, replacing: Bool) {
    for key in keys where replacing || !has(key) {
      if let value = other.mapping[Node(key)] { mapping[Node(key)] = value }
    }
  }

  mutating func remove(_ key: String) {
    mapping[Node(key)] = nil
  }

  /// A string that reads back as a string: Yams quotes what would else be a boolean, a number or null.
  private static func scalar(_ text: String) -> Node {
    Node.scalar(text.represented())
  }

  /// The card again, front matter first.
  ///
  /// - Throws: ``Invalid`` if YAML cannot hold it.
  func card() throws(Invalid) -> String {
    do {
      let yaml = try Yams.serialize(node: .mapping(mapping), width: -1, allowUnicode: true)
      return "---\n\(yaml)---\n\(body.hasPrefix("\n") || body.isEmpty ? "" : "\n")\(body)"
    } catch {
      throw Invalid(description: "the front matter cannot be written: \(error)")
    }
  }
}
