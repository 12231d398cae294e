import Foundation
import SystemPackage

/// A place where the built daemon runs for a test: its outputs, its configuration, its state.
package struct Site: Sendable {
  package let directory: FilePath
  package let endpoint: String
  package var environment: [String: String]

  package var outputs: FilePath { directory.appending("outputs") }
  package var store: FilePath { directory.appending("store") }
  package var configuration: FilePath { directory.appending("adapterd.toml") }

  /// - Parameters:
  ///   - directory: Empty.
  ///   - endpoint: A Hub's; `nil` for a store in the directory.
  ///   - token: For a Hub.
  package init(_ directory: FilePath, endpoint: String? = nil, token: String? = nil) throws {
    self.directory = directory
    self.endpoint = endpoint ?? "file://\(directory)/store"
    environment = [
      "HOME": directory.string, "STATE_DIRECTORY": directory.appending("state").string,
      "RUNTIME_DIRECTORY": directory.appending("run").string,
    ]
    environment["HF_TOKEN"] = token
  }

  /// Writes the configuration: one section for ``outputs``, with `settings` in it.
  package func configure(
    repo: String = "org/adapter", _ settings: String = "", settle: String = "300ms", interval: String = "0"
  ) throws {
    try write(
      """
      endpoint = "\(endpoint)"
      [[publish]]
      outputs = "outputs"
      repo = "\(repo)"
      settle = "\(settle)"
      min_interval = "\(interval)"
      \(settings)
      """, to: configuration)
  }

  /// Starts the daemon and waits until it watches.
  package func start() async throws -> RunningProgram {
    let daemon = try RunningProgram(
      "adapterd", ["run", "--config", configuration.string], environment: environment)
    try await daemon.line(with: "info watching ")
    return daemon
  }

  /// Runs another command to its end.
  package func run(_ arguments: String...) async throws -> Program.Result {
    try await Program.run("adapterd", arguments, environment: environment)
  }

  /// The ledger's rows, oldest first, as `adapterd history` tells them.
  package func history() async throws -> [History] {
    let result = try await run("history", "--json", "--limit", "1000000")
    return try result.output.split(separator: "\n").map { line in
      try JSONDecoder().decode(History.self, from: Data(line.utf8))
    }
  }

  /// One line of `adapterd history --json`.
  package struct History: Decodable {
    package let status: String
    package let reason: String?
    package let repo: String
    package let commit: String?
    package let iterations: Int?
    package let updated: String
  }
}
