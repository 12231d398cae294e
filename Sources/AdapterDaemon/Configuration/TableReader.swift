import Adapters
import SystemPackage
import TOMLKit

/// Reads a table of the configuration key by key: each mistake becomes an error that says where and what to do.
struct TableReader {
  let table: TOMLTable
  /// As it stands in the file: `[[publish]]`; empty for the top level.
  let header: String
  /// Which of the tables of this name, from 0.
  let index: Int
  let source: ConfigurationSource

  /// An error about `key`, with the line on which it stands.
  func failure(_ key: String?, _ message: String) -> ConfigurationError {
    ConfigurationError(
      message, file: source.path, line: source.line(of: key, header: header, index: index))
  }

  private var place: String { header.isEmpty ? "" : " in \(header)" }

  /// Refuses keys that nobody reads: a typing error must not pass as a default.
  func permit(_ known: [String]) throws(ConfigurationError) {
    for key in table.keys.sorted() where !known.contains(key) {
      let near = known.map { ($0, distance($0, key)) }.min { $0.1 < $1.1 }
      let hint =
        near.flatMap { $0.1 <= max(2, key.count / 3) ? "; did you mean '\($0.0)'?" : nil }
        ?? "; known are \(known.sorted().joined(separator: ", "))"
      throw failure(key, "unknown key '\(key)'\(place)\(hint)")
    }
  }

  func string(_ key: String) throws(ConfigurationError) -> String? {
    try value(key, "a string, in quotation marks") { $0.string }
  }

  func bool(_ key: String) throws(ConfigurationError) -> Bool? {
    try value(key, "true or false") { $0.bool }
  }

  func strings(_ key: String) throws(ConfigurationError) -> [String]? {
    try value(key, "a list of strings, [\"…\", \"…\"]") { value in
      if let array = value.array {
        let strings = array.compactMap { $0.string }
        return strings.count == array.count ? strings : nil
      }
      return nil
    }
  }

  func duration(_ key: String) throws(ConfigurationError) -> Duration? {
    guard let text = try value(key, "a duration in quotation marks, such as \"2s\"", { $0.string }) else { return nil }
    guard let duration = Duration(text: text) else {
      throw failure(
        key, "\(key) = \"\(text)\"\(place) is no duration; write a number and ms, s, m, h or d, such as \"2s\"")
    }
    return duration
  }

  func choice<T: RawRepresentable & CaseIterable>(
    _ key: String, of type: T.Type
  ) throws(ConfigurationError) -> T? where T.RawValue == String {
    guard let text = try string(key) else { return nil }
    guard let value = T(rawValue: text) else {
      let choices = T.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
      throw failure(key, "\(key) = \"\(text)\"\(place) is none of \(choices)")
    }
    return value
  }

  /// A path: `~` is the home directory, a relative one counts from the file's own directory.
  func path(_ key: String) throws(ConfigurationError) -> FilePath? {
    guard let text = try string(key), !text.isEmpty else { return nil }
    return source.resolved(text)
  }

  func subtable(_ key: String, header: String) throws(ConfigurationError) -> TableReader? {
    guard let table = try value(key, "a table", { $0.table }) else { return nil }
    return TableReader(table: table, header: header, index: index, source: source)
  }

  func value<T>(
    _ key: String, _ expected: String, _ read: (any TOMLValueConvertible) -> T?
  ) throws(ConfigurationError) -> T? {
    guard let value = table[key] else { return nil }
    guard let result = read(value) else {
      throw failure(key, "\(key)\(place) must be \(expected), not a\(Self.article(value.type))")
    }
    return result
  }

  /// A scalar as JSON, for metadata.
  func json(_ key: String) throws(ConfigurationError) -> JSON? {
    try value(key, "a string, a number or true or false") { value in
      switch value.type {
      case .string: value.string.map { .string($0) }
      case .int: value.int.map { .number($0) }
      case .double: value.double.map { .number($0) }
      case .bool: value.bool.map { .bool($0) }
      default: nil
      }
    }
  }

  private static func article(_ type: TOMLType) -> String {
    let name = type.description
    return ("aeiou".contains(name.first ?? "x") ? "n " : " ") + name
  }
}

/// Levenshtein's distance: how many typing errors lie between two words.
private func distance(_ a: String, _ b: String) -> Int {
  let b = Array(b)
  var row = Array(0...b.count)
  for (i, x) in a.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for (j, y) in b.enumerated() {
      let substitution = diagonal + (x == y ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(substitution, row[j] + 1, row[j + 1] + 1)
    }
  }
  return row[b.count]
}
