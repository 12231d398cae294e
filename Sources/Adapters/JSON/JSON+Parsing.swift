extension JSON {
  /// What is wrong with a text that should be JSON, and at which byte.
  package struct ParseError: Error, Sendable, Equatable, CustomStringConvertible {
    package let message: String
    /// Bytes from the beginning.
    package let offset: Int
    package var description: String { "\(message) at byte \(offset)" }
  }

  /// Parses a whole text as RFC 8259 has it: UTF-8, one value, nothing after it.
  ///
  /// - Parameters:
  ///   - bytes: The text.
  ///   - pythonNumbers: Whether `NaN`, `Infinity` and `-Infinity` pass as numbers, as Python's writer puts them.
  ///   - loneSurrogates: Whether half of a surrogate pair passes, as U+FFFD: Python's writer puts one for a byte of a
  ///     file name that is no UTF-8.
  /// - Throws: ``ParseError``.
  package init(
    parsing bytes: some Sequence<UInt8>, pythonNumbers: Bool = false, loneSurrogates: Bool = true
  ) throws(ParseError) {
    var parser = Parser(bytes: Array(bytes), pythonNumbers: pythonNumbers, loneSurrogates: loneSurrogates)
    self = try parser.document()
  }

  /// Reads a text that is one object member by member, so that a long one never stands in memory as a whole.
  package struct MemberReader {
    private var parser: Parser
    private var hasBegun = false
    private var isDone = false

    /// The most values in one member: whoever reads by the member expects none that fills the memory.
    private static let longestMember = 100_000

    /// - Parameters: as for ``JSON/init(parsing:pythonNumbers:loneSurrogates:)``.
    package init(_ bytes: [UInt8], pythonNumbers: Bool = false, loneSurrogates: Bool = true) {
      parser = Parser(bytes: bytes, pythonNumbers: pythonNumbers, loneSurrogates: loneSurrogates)
    }

    /// - Returns: the next member; `nil` once after the last, when all of the text was found to be in order.
    /// - Throws: ``ParseError``.
    package mutating func next() throws(ParseError) -> Object.Member? {
      guard !isDone else { return nil }
      if hasBegun {
        isDone = try !parser.another(closing: UInt8(ascii: "}"))
      } else {
        hasBegun = true
        isDone = try !parser.beginObject()
      }
      guard isDone else {
        parser.values = Self.longestMember
        return try parser.member(depth: 0)
      }
      try parser.end()
      return nil
    }
  }

  fileprivate struct Parser {
    let bytes: [UInt8]
    let pythonNumbers: Bool
    let loneSurrogates: Bool
    var offset = 0
    /// How many values may still come.
    var values = Int.max

    /// The stack must hold whatever a stranger writes; real configuration is a handful of levels deep.
    static let deepest = 128

    var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    func failure(_ message: String) -> ParseError { ParseError(message: message, offset: offset) }

    mutating func document() throws(ParseError) -> JSON {
      skipSpace()
      let value = try value(depth: 0)
      try end()
      return value
    }

    mutating func end() throws(ParseError) {
      skipSpace()
      guard next == nil else { throw failure("trailing characters after the JSON value") }
    }

    mutating func skipSpace() {
      while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
    }

    mutating func value(depth: Int) throws(ParseError) -> JSON {
      guard depth < Self.deepest else { throw failure("nested too deeply") }
      guard values > 0 else { throw failure("too many values") }
      values -= 1
      switch next {
      case UInt8(ascii: "{"): return .object(try object(depth: depth))
      case UInt8(ascii: "["): return .array(try array(depth: depth))
      case UInt8(ascii: "\""): return .string(try string())
      case UInt8(ascii: "t"): return try word("true", .bool(true))
      case UInt8(ascii: "f"): return try word("false", .bool(false))
      case UInt8(ascii: "n"): return try word("null", .null)
      case UInt8(ascii: "N") where pythonNumbers: return try word("NaN", .number("NaN"))
      case UInt8(ascii: "I") where pythonNumbers: return try word("Infinity", .number("Infinity"))
      case UInt8(ascii: "-")?, (UInt8(ascii: "0")...UInt8(ascii: "9"))?: return try number()
      case nil: throw failure("the JSON ends early")
      default: throw failure("no JSON value")
      }
    }

    mutating func word(_ word: String, _ value: JSON) throws(ParseError) -> JSON {
      guard bytes[offset...].starts(with: word.utf8) else { throw failure("no JSON value") }
      offset += word.utf8.count
      return value
    }

    mutating func object(depth: Int) throws(ParseError) -> Object {
      var members: [Object.Member] = []
      guard try beginObject() else { return Object() }
      repeat { members.append(try member(depth: depth)) } while try another(closing: UInt8(ascii: "}"))
      return Object(members)
    }

    /// Steps over `{`, and over `}` if nothing is in between: then false.
    mutating func beginObject() throws(ParseError) -> Bool {
      skipSpace()
      guard next == UInt8(ascii: "{") else { throw failure("no JSON object") }
      offset += 1
      skipSpace()
      guard next == UInt8(ascii: "}") else { return true }
      offset += 1
      return false
    }

    mutating func member(depth: Int) throws(ParseError) -> Object.Member {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw failure("a key must be a string") }
      let key = try string()
      skipSpace()
      guard next == UInt8(ascii: ":") else { throw failure("a colon is missing after a key") }
      offset += 1
      skipSpace()
      return Object.Member(key: key, value: try value(depth: depth + 1))
    }

    mutating func array(depth: Int) throws(ParseError) -> [JSON] {
      offset += 1
      var elements: [JSON] = []
      skipSpace()
      if next == UInt8(ascii: "]") {
        offset += 1
        return []
      }
      repeat {
        skipSpace()
        elements.append(try value(depth: depth + 1))
      } while try another(closing: UInt8(ascii: "]"))
      return elements
    }

    /// Steps over `,` (true) or `closing` (false).
    mutating func another(closing: UInt8) throws(ParseError) -> Bool {
      skipSpace()
      guard let byte = next else { throw failure("the JSON ends early") }
      guard byte == UInt8(ascii: ",") || byte == closing else { throw failure("a comma is missing") }
      offset += 1
      return byte != closing
    }

    mutating func number() throws(ParseError) -> JSON {
      let start = offset
      if next == UInt8(ascii: "-") { offset += 1 }
      if pythonNumbers, next == UInt8(ascii: "I") {
        _ = try word("Infinity", .null)
        return .number("-Infinity")
      }
      let leadingZero = next == UInt8(ascii: "0")
      guard digits() > 0 else { throw failure("a number without digits") }
      let whole = bytes[start..<offset].count - (bytes[start] == UInt8(ascii: "-") ? 1 : 0)
      guard !leadingZero || whole == 1 else { throw failure("a number with a leading zero") }
      if next == UInt8(ascii: ".") {
        offset += 1
        guard digits() > 0 else { throw failure("a number without digits after the point") }
      }
      if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
        offset += 1
        if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { offset += 1 }
        guard digits() > 0 else { throw failure("a number without digits in the exponent") }
      }
      return .number(String(decoding: bytes[start..<offset], as: UTF8.self))
    }

    mutating func digits() -> Int {
      let start = offset
      while let byte = next, byte >= 0x30, byte <= 0x39 { offset += 1 }
      return offset - start
    }

    mutating func string() throws(ParseError) -> String {
      let opening = offset
      offset += 1
      var text: [UInt8] = []
      // Most of a string stands as it is: it is taken in pieces, not byte by byte.
      var piece = offset
      while offset < bytes.count {
        let byte = bytes[offset]
        guard byte == 0x22 || byte == 0x5C || byte < 0x20 else {
          offset += 1
          continue
        }
        text += bytes[piece..<offset]
        guard byte >= 0x20 else { throw failure("a control character in a string") }
        offset += 1
        if byte == 0x5C {
          text += try escape().utf8
          piece = offset
          continue
        }
        guard let string = String(validating: text, as: UTF8.self) else {
          throw ParseError(message: "invalid UTF-8 in a string", offset: opening)
        }
        return string
      }
      throw failure("a string without an end")
    }

    mutating func escape() throws(ParseError) -> String {
      guard let byte = next else { throw failure("a string without an end") }
      offset += 1
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return String(UnicodeScalar(byte))
      case UInt8(ascii: "b"): return "\u{8}"
      case UInt8(ascii: "f"): return "\u{C}"
      case UInt8(ascii: "n"): return "\n"
      case UInt8(ascii: "r"): return "\r"
      case UInt8(ascii: "t"): return "\t"
      case UInt8(ascii: "u"): return try unicodeEscape()
      default: throw failure("an unknown escape in a string")
      }
    }

    mutating func unicodeEscape() throws(ParseError) -> String {
      let first = try hexadecimal()
      if let scalar = UnicodeScalar(first) { return String(scalar) }
      guard (0xD800..<0xDC00).contains(first), bytes[offset...].starts(with: "\\u".utf8) else { return try half() }
      let before = offset
      offset += 2
      let second = try hexadecimal()
      guard (0xDC00..<0xE000).contains(second) else {
        offset = before
        return try half()
      }
      let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
      return UnicodeScalar(code).map { String($0) } ?? "\u{FFFD}"
    }

    func half() throws(ParseError) -> String {
      guard loneSurrogates else { throw failure("half of a surrogate pair") }
      return "\u{FFFD}"
    }

    mutating func hexadecimal() throws(ParseError) -> UInt32 {
      var code: UInt32 = 0
      for _ in 0..<4 {
        guard let byte = next,
          let digit = UnicodeScalar(byte).properties.isASCIIHexDigit
            ? Character(UnicodeScalar(byte)).hexDigitValue : nil
        else { throw failure("four hexadecimal digits must follow \\u") }
        code = code << 4 | UInt32(digit)
        offset += 1
      }
      return code
    }
  }
}
