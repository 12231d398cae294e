import Adapters
import SystemPackage

/// A repo id with placeholders for the run that a state belongs to.
struct RepoTemplate: Sendable, Equatable {
  /// As in the configuration: `name/adapter`, `name/{directory}`, `name/{path}`.
  let text: String

  /// The repo for a run.
  ///
  /// - Parameters:
  ///   - directory: The run's name.
  ///   - path: The run's path below the outputs with `-` between its parts.
  func repo(directory: String, path: String) -> String {
    text.replacing("{directory}", with: Self.fit(directory)).replacing("{path}", with: Self.fit(path))
  }

  /// `name` in the letters that the Hub takes in a repo's name; it also refuses `--`, `..` and a dot or hyphen at
  /// either end (huggingface_hub `validate_repo_id`).
  private static func fit(_ name: String) -> String {
    var fitted = String(name.map { ($0.isASCII && ($0.isLetter || $0.isNumber)) || "-._".contains($0) ? $0 : "-" })
    for doubled in ["--", ".."] {
      while fitted.contains(doubled) { fitted = fitted.replacing(doubled, with: String(doubled.prefix(1))) }
    }
    let trimmed = fitted.drop { "-.".contains($0) }.reversed().drop { "-.".contains($0) }.reversed()
    return trimmed.isEmpty ? "adapter" : String(trimmed.prefix(80))
  }
}
