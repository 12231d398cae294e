extension JSON {
  /// The value as text that ends with a newline: the same value always gives the same bytes.
  ///
  /// - Parameter indent: Spaces for each level.
  package func serialized(indent: Int = 2) -> String {
    var text = ""
    write(into: &text, indent: indent, level: 0)
    return text + "\n"
  }

  private func write(into text: inout String, indent: Int, level: Int) {
    func newline(_ level: Int) { text += "\n" + String(repeating: " ", count: indent * level) }
    switch self {
    case .null: text += "null"
    case .bool(let bool): text += bool ? "true" : "false"
    case .number(let number): text += number
    case .string(let string): text += Self.quoted(string)
    case .array(let elements):
      text += "["
      for (index, element) in elements.enumerated() {
        if index > 0 { text += "," }
        newline(level + 1)
        element.write(into: &text, indent: indent, level: level + 1)
      }
      if !elements.isEmpty { newline(level) }
      text += "]"
    case .object(let object):
      text += "{"
      for (index, member) in object.members.enumerated() {
        if index > 0 { text += "," }
        newline(level + 1)
        text += Self.quoted(member.key) + ": "
        member.value.write(into: &text, indent: indent, level: level + 1)
      }
      if !object.members.isEmpty { newline(level) }
      text += "}"
    }
  }

  /// `string` as a JSON string: only what must be escaped is.
  package static func quoted(_ string: String) -> String {
    var text = "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text + "\""
  }
}

extension JSON {
  /// The value on one line, without a newline at its end.
  package var line: String {
    switch self {
    case .array(let elements): "[" + elements.map(\.line).joined(separator: ",") + "]"
    case .object(let object):
      "{" + object.members.map { Self.quoted($0.key) + ":" + $0.value.line }.joined(separator: ",") + "}"
    default: String(serialized().dropLast())
    }
  }
}
