import Foundation

/// The Hub's counting rules: the default query files and what libraries put in their place.
///
/// Source: the library table of huggingface.js and hub-docs `models-download-stats.md`; commits and dates stand in
/// `Resources/count-downloads.json`.
package struct CountingRules: Sendable {
  /// A library's rule.
  package enum Rule: Sendable, Equatable {
    /// Requests for any of the default query files in the repo's root.
    case standard
    /// The library's own query, which replaces the default.
    case library(id: String, query: CountingQuery)
    /// The Hub's own rule for diffusers: its index files and root weights.
    case diffusers
  }

  /// When the table was read, ISO 8601.
  package let date: String
  /// Counted by default; a set without order, each only in the repo's root.
  package let defaultQueryFiles: [String]
  private let queries: [String: CountingQuery]
  private let known: Set<String>

  /// The table in the binary.
  package static let builtIn: CountingRules = {
    do {
      return try CountingRules(table: Data(PackageResources.count_downloads_json))
    } catch {
      preconditionFailure("the built-in counting table is broken: \(error)")
    }
  }()

  /// - Parameter table: JSON in the shape of the built-in table.
  /// - Throws: `DecodingError`, or ``CountingQuery/ParseError`` for a query that is none.
  package init(table: Data) throws {
    struct Table: Decodable {
      struct Library: Decodable {
        let id: String
        let count_downloads: String?
      }
      let date: String
      let default_query_files: [String]
      let libraries: [Library]
    }
    let decoded = try JSONDecoder().decode(Table.self, from: table)
    date = decoded.date
    defaultQueryFiles = decoded.default_query_files
    known = Set(decoded.libraries.map(\.id))
    var queries: [String: CountingQuery] = [:]
    for library in decoded.libraries {
      if let text = library.count_downloads { queries[library.id] = try CountingQuery(parsing: text) }
    }
    self.queries = queries
  }

  /// Whether `library` is an id of the Hub's table.
  package func knows(_ library: String) -> Bool { known.contains(library) }

  /// The rule for a repo whose `library_name` is `library`; a library that the Hub does not know counts by default.
  package func rule(for library: String?) -> Rule {
    guard let library else { return .standard }
    if library == "diffusers" { return .diffusers }
    guard let query = queries[library] else { return .standard }
    return .library(id: library, query: query)
  }

  /// Which of `paths` count under `rule`, sorted. GGUF files count whatever the library.
  package func counted(_ paths: some Sequence<String>, by rule: Rule) -> [String] {
    paths.filter { path in
      if path.hasSuffix(".gguf") { return true }
      switch rule {
      case .standard: return defaultQueryFiles.contains(path)
      case .library(_, let query): return query.matches(path)
      case .diffusers:
        let indexes = ["model_index.json", "modular_model_index.json"]
        let weights = [".safetensors", ".ckpt", ".bin"]
        return indexes.contains(path) || (!path.contains("/") && weights.contains { path.hasSuffix($0) })
      }
    }.sorted()
  }
}
