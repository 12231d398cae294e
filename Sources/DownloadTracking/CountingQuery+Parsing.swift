extension CountingQuery {
  /// What is wrong with a query, and where.
  package struct ParseError: Error, Sendable, Equatable, CustomStringConvertible {
    package let message: String
    /// Characters from the beginning, the first is 1.
    package let position: Int
    package var description: String { "\(message) at character \(position)" }
  }

  /// Parses a `countDownloads` string. NOT binds closer than AND, AND closer than OR.
  ///
  /// - Throws: ``ParseError``.
  package init(parsing text: String) throws(ParseError) {
    var parser = Parser(characters: Array(text))
    self = try parser.query()
  }

  private struct Parser {
    let characters: [Character]
    var index = 0

    func failure(_ message: String) -> ParseError { ParseError(message: message, position: index + 1) }

    mutating func query() throws(ParseError) -> CountingQuery {
      let query = try alternatives(depth: 0)
      skipSpace()
      guard index == characters.count else { throw failure("AND, OR or the end is expected") }
      return query
    }

    mutating func alternatives(depth: Int) throws(ParseError) -> CountingQuery {
      var left = try conjunction(depth: depth)
      while takes(word: "OR") { left = .or(left, try conjunction(depth: depth)) }
      return left
    }

    mutating func conjunction(depth: Int) throws(ParseError) -> CountingQuery {
      var left = try negation(depth: depth)
      while takes(word: "AND") { left = .and(left, try negation(depth: depth)) }
      return left
    }

    mutating func negation(depth: Int) throws(ParseError) -> CountingQuery {
      guard depth < 64 else { throw failure("nested too deeply") }
      if takes(word: "NOT") { return .not(try negation(depth: depth + 1)) }
      skipSpace()
      guard index < characters.count, characters[index] == "(" else { return try term() }
      index += 1
      let inner = try alternatives(depth: depth + 1)
      skipSpace()
      guard index < characters.count, characters[index] == ")" else {
        throw failure("a closing parenthesis is expected")
      }
      index += 1
      return inner
    }

    mutating func term() throws(ParseError) -> CountingQuery {
      let start = index
      while index < characters.count, characters[index].isLetter || characters[index] == "_" { index += 1 }
      let field = String(characters[start..<index])
      let make: ((String) -> CountingQuery)? =
        switch field {
        case "path": CountingQuery.path
        case "path_prefix": CountingQuery.pathPrefix
        case "path_extension": CountingQuery.pathExtension
        case "path_filename": CountingQuery.pathFilename
        case "_exists_": CountingQuery.exists
        default: nil
        }
      guard let make else {
        index = start
        throw failure(
          "\(field.isEmpty ? "a field" : "'\(field)'") is not one of path, path_prefix, path_extension, path_filename, _exists_"
        )
      }
      guard index + 1 < characters.count, characters[index] == ":", characters[index + 1] == "\"" else {
        throw failure("':\"' is expected after '\(field)'")
      }
      index += 2
      let valueStart = index
      while index < characters.count, characters[index] != "\"" { index += 1 }
      guard index < characters.count else { throw failure("a closing quotation mark is expected") }
      defer { index += 1 }
      return make(String(characters[valueStart..<index]))
    }

    mutating func skipSpace() {
      while index < characters.count, characters[index].isWhitespace { index += 1 }
    }

    /// Steps over `word` if it comes next as a whole word.
    mutating func takes(word: String) -> Bool {
      let before = index
      skipSpace()
      let end = index + word.count
      if end <= characters.count, String(characters[index..<end]) == word,
        end == characters.count || characters[end].isWhitespace || characters[end] == "("
      {
        index = end
        return true
      }
      index = before
      return false
    }
  }
}
