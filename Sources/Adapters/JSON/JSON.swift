/// A JSON value that keeps what Foundation's loses: the order of keys, the text of numbers, and whether a key stood
/// twice. Copied configuration must come out as it went in, and a safetensors header must be judged strictly.
package enum JSON: Sendable, Equatable {
  case null
  case bool(Bool)
  /// The number as it was written: `2.0` stays `2.0`.
  case number(String)
  case string(String)
  case array([JSON])
  case object(Object)

  /// Members in the order in which they stand.
  package struct Object: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    /// A key and its value.
    package struct Member: Sendable, Equatable {
      package var key: String
      package var value: JSON

      package init(key: String, value: JSON) {
        self.key = key
        self.value = value
      }
    }

    package var members: [Member]

    package init(_ members: [Member] = []) {
      self.members = members
    }

    package init(dictionaryLiteral elements: (String, JSON)...) {
      members = elements.map { Member(key: $0.0, value: $0.1) }
    }

    /// The value of `key`: the last one if it stands twice, as Python's reader has it. Setting keeps the key's place;
    /// a new key goes to the end, `nil` removes it.
    package subscript(key: String) -> JSON? {
      get { members.last { $0.key == key }?.value }
      set {
        guard let newValue else { return members.removeAll { $0.key == key } }
        if let index = members.lastIndex(where: { $0.key == key }) {
          members[index].value = newValue
        } else {
          members.append(Member(key: key, value: newValue))
        }
      }
    }
  }
}

extension JSON {
  /// The member `key` of an object; `nil` for a missing key, for JSON `null` and for what is no object.
  package subscript(key: String) -> JSON? {
    guard case .object(let object) = self, let value = object[key], value != .null else { return nil }
    return value
  }

  package var object: Object? {
    if case .object(let object) = self { object } else { nil }
  }
  package var array: [JSON]? {
    if case .array(let array) = self { array } else { nil }
  }
  package var string: String? {
    if case .string(let string) = self { string } else { nil }
  }
  package var bool: Bool? {
    if case .bool(let bool) = self { bool } else { nil }
  }
  /// A whole number that fits 64 bits, also when written `30.0`.
  package var int: Int? {
    guard case .number(let text) = self else { return nil }
    return Int(text) ?? Double(text).flatMap { Int(exactly: $0) }
  }
  package var double: Double? {
    if case .number(let text) = self { Double(text) } else { nil }
  }

  /// A whole number.
  package static func number(_ value: Int) -> JSON { .number(String(value)) }

  /// A number with a fraction, in the shortest form that reads back the same, always with a point: `2.0`.
  package static func number(_ value: Double) -> JSON { .number("\(value)") }
}
