import Adapters
import Bundles
import Foundation
import Hub
import Kernel
import Publishing
import SystemPackage
import TOMLKit

/// Finds and reads the configuration.
package struct ConfigurationLoader: Sendable {
  private let environment: [String: String]

  package init(environment: [String: String]) {
    self.environment = environment
  }

  /// Where it is looked for if no file is named, the first that is there counts.
  package var searchPath: [FilePath] {
    var paths: [FilePath] = []
    func add(_ variable: String, _ rest: String) {
      if let directory = environment[variable], !directory.isEmpty { paths.append(FilePath(directory).appending(rest)) }
    }
    add("CONFIGURATION_DIRECTORY", "adapterd.toml")
    if environment["XDG_CONFIG_HOME"].map(\.isEmpty) ?? true {
      add("HOME", ".config/adapterd/adapterd.toml")
    } else {
      add("XDG_CONFIG_HOME", "adapterd/adapterd.toml")
    }
    paths.append("/etc/adapterd/adapterd.toml")
    return paths
  }

  /// Reads `file`, else the first file of ``searchPath``, then `conf.d/*.toml` beside it in name order.
  ///
  /// - Throws: ``ConfigurationError``.
  package func load(_ file: FilePath?) throws(ConfigurationError) -> Configuration {
    let main = if let file { file } else { try found() }
    var configuration = Configuration(endpoint: "https://huggingface.co")
    try merge(absolute(main), into: &configuration)
    let directory = absolute(main).removingLastComponent().appending("conf.d")
    for name in (try? names(in: directory)) ?? [] where name.string.hasSuffix(".toml") && !name.string.hasPrefix(".") {
      try merge(directory.appending(name), into: &configuration)
    }
    if let endpoint = environment["HF_ENDPOINT"], !endpoint.isEmpty {
      configuration.endpoint = try Self.checkedEndpoint(endpoint) { ConfigurationError("HF_ENDPOINT: \($0)") }
    }
    guard !configuration.publish.isEmpty else {
      throw ConfigurationError(
        "there is no [[publish]] section; the least is\n\n[[publish]]\noutputs = \"/srv/training/outputs\"\nrepo = \"name/adapter\"\n",
        file: absolute(main))
    }
    return configuration
  }

  private func found() throws(ConfigurationError) -> FilePath {
    for path in searchPath where FileManager.default.fileExists(atPath: path.string) { return path }
    throw ConfigurationError(
      "no configuration found: looked for \(searchPath.map(\.shown).joined(separator: ", ")); name one with --config FILE"
    )
  }

  private func absolute(_ path: FilePath) -> FilePath {
    path.isAbsolute
      ? path : FilePath(FileManager.default.currentDirectoryPath).pushing(path).lexicallyNormalized()
  }

  private func merge(_ path: FilePath, into configuration: inout Configuration) throws(ConfigurationError) {
    guard let data = FileManager.default.contents(atPath: path.string) else {
      let isThere = FileManager.default.fileExists(atPath: path.string)
      throw ConfigurationError(isThere ? "cannot be read: mind its permissions" : "there is no such file", file: path)
    }
    guard let text = String(data: data, encoding: .utf8) else {
      throw ConfigurationError("is not UTF-8 text", file: path)
    }
    let source = ConfigurationSource(path: path, text: text, home: environment["HOME"])
    let table: TOMLTable
    do {
      table = try TOMLTable(string: text)
    } catch let error as TOMLParseError {
      throw ConfigurationError(error.description, file: path, line: error.source.begin.line)
    } catch {
      throw ConfigurationError("\(error)", file: path)
    }
    let top = TableReader(table: table, header: "", index: -1, source: source)
    try top.permit(["endpoint", "token_file", "ca_file", "rules", "downloads_interval", "metrics", "publish"])
    if let endpoint = try top.string("endpoint") {
      configuration.endpoint = try Self.checkedEndpoint(endpoint) { top.failure("endpoint", "endpoint: \($0)") }
    }
    configuration.tokenFile = try top.path("token_file") ?? configuration.tokenFile
    configuration.caFile = try top.path("ca_file") ?? configuration.caFile
    configuration.rules = try top.path("rules") ?? configuration.rules
    configuration.downloadsInterval = try top.duration("downloads_interval") ?? configuration.downloadsInterval
    if let metrics = try top.subtable("metrics", header: "[metrics]") {
      try metrics.permit(["listen"])
      configuration.metricsListen = try metrics.string("listen") ?? configuration.metricsListen
    }
    let sections = try top.value("publish", "a list of tables, [[publish]]") { $0.array } ?? TOMLArray()
    for (index, entry) in sections.enumerated() {
      guard let table = entry.table else {
        throw top.failure("publish", "publish must be a list of tables, [[publish]]")
      }
      configuration.publish.append(
        try section(TableReader(table: table, header: "[[publish]]", index: index, source: source)))
    }
    configuration.files.append(path)
  }

  private func section(_ reader: TableReader) throws(ConfigurationError) -> PublishSection {
    try reader.permit([
      "outputs", "repo", "revision", "private", "create", "when", "min_interval", "tag", "settle", "config_json",
      "watch", "exclude", "bundle", "card", "publish_uncounted", "on_published", "on_failed", "metadata",
    ])
    guard let outputs = try reader.path("outputs") else {
      throw reader.failure("outputs", "outputs is missing in [[publish]]: the directory that the training writes to")
    }
    guard let repo = try reader.string("repo") else {
      throw reader.failure("repo", "repo is missing in [[publish]]: where to publish, \"namespace/name\"")
    }
    try check(repo: repo, reader)
    var section = PublishSection(outputs: outputs, repo: repo)
    section.revision = try reader.string("revision") ?? section.revision
    if section.revision.isEmpty { throw reader.failure("revision", "revision is empty; leave it out for \"main\"") }
    section.isPrivate = try reader.bool("private") ?? section.isPrivate
    section.create = try reader.bool("create") ?? section.create
    section.when = try reader.choice("when", of: PublishSection.When.self) ?? section.when
    section.minimumInterval = try reader.duration("min_interval") ?? section.minimumInterval
    section.tag = try tag(reader)
    if section.tag?.description == section.revision {
      throw reader.failure("tag", "tag in [[publish]] is the name of the branch, \(section.revision); choose another")
    }
    section.settle = try reader.duration("settle") ?? section.settle
    section.configJSON = try reader.choice("config_json", of: BundleSettings.ConfigJSON.self) ?? section.configJSON
    section.watch = try reader.choice("watch", of: PublishSection.Watch.self) ?? section.watch
    section.exclude = try reader.strings("exclude") ?? section.exclude
    if let name = section.exclude.first(where: { $0.contains("/") || $0.isEmpty }) {
      throw reader.failure(
        "exclude", "exclude in [[publish]] takes names, such as \"wandb\" or \"tmp*\", not \"\(name)\"")
    }
    section.bundle = try reader.path("bundle")
    section.card = try reader.path("card")
    section.publishUncounted = try reader.bool("publish_uncounted") ?? section.publishUncounted
    section.onPublished = try reader.strings("on_published") ?? section.onPublished
    section.onFailed = try reader.strings("on_failed") ?? section.onFailed
    if let metadata = try reader.subtable("metadata", header: "[publish.metadata]") {
      try metadata.permit(AdapterRecord.keys)
      for key in AdapterRecord.keys { section.metadata[key] = try metadata.json(key) }
    }
    return section
  }

  private func tag(_ reader: TableReader) throws(ConfigurationError) -> TagTemplate? {
    guard let text = try reader.string("tag"), !text.isEmpty else { return nil }
    do throws(TagTemplate.Invalid) {
      return try TagTemplate(parsing: text)
    } catch {
      throw reader.failure("tag", "tag = \"\(text)\" in [[publish]]: \(error); write \"step-{iterations}\", say")
    }
  }

  private func check(repo: String, _ reader: TableReader) throws(ConfigurationError) {
    guard !repo.isEmpty else { throw reader.failure("repo", "repo is empty in [[publish]]; write \"namespace/name\"") }
    // What stands in for the placeholders is made fit for a repo name when it is known.
    let example = repo.replacing("{directory}", with: "run").replacing("{path}", with: "run")
    do {
      _ = try RepoID(parsing: example)
    } catch {
      throw reader.failure("repo", "repo = \"\(repo)\" in [[publish]] is no repo id: \(error)")
    }
  }

  private static func checkedEndpoint(
    _ text: String, _ failure: (String) -> ConfigurationError
  ) throws(ConfigurationError) -> String {
    if text.hasPrefix("file://") {
      let path = text.dropFirst("file://".count)
      guard path.hasPrefix("/") else {
        throw failure("\(text) must name an absolute path: file:///var/lib/adapterd/store")
      }
      return text
    }
    do {
      return try Endpoint(parsing: text).url
    } catch {
      throw failure("\(error)")
    }
  }
}
