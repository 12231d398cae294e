/// Whether the downloads of a set of files will be counted, by which of them, under which rule.
package struct Verdict: Sendable, Equatable {
  /// The repo's `library_name`.
  package let library: String?
  /// The files that count: exactly one is what one wants.
  package let countedFiles: [String]
  private let rule: CountingRules.Rule

  /// Judges a repo that holds `paths` under `library`.
  package init(paths: some Sequence<String>, library: String?, rules: CountingRules = .builtIn) {
    self.library = library
    rule = rules.rule(for: library)
    countedFiles = rules.counted(paths, by: rule)
  }

  package var isCounted: Bool { !countedFiles.isEmpty }

  /// One line: the answer first, then file, rule and library.
  package var summary: String {
    guard isCounted else {
      return switch rule {
      case .standard:
        "NOT counted: the default rule counts config.json (or another query file) in the root, which is missing"
          + (library.map { "; library \($0)" } ?? "; no library")
      case .library(let id, .path(let file)): "NOT counted: library \(id) counts \(file), which is missing"
      case .library(let id, _): "NOT counted: no file matches the rule of library \(id)"
      case .diffusers:
        "NOT counted: library diffusers counts model_index.json or weights in the root, which are missing"
      }
    }
    let files = countedFiles.joined(separator: ", ")
    let name =
      switch rule {
      case .standard: "default rule"
      case .library(let id, _): "rule of library \(id)"
      case .diffusers: "rule of library diffusers"
      }
    let suffix = rule == .standard ? "; \(library.map { "library \($0)" } ?? "no library")" : ""
    let overcount = countedFiles.count > 1 ? "; each of the \(countedFiles.count) files counts" : ""
    return "counted: \(files) (\(name)\(suffix)\(overcount))"
  }
}
