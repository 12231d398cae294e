import AdapterDaemon
import Adapters
import Bundles
import Foundation
import SystemPackage
import TestSupport
import Testing

@Suite struct ConfigurationTests {
  @Test func theLeastThatWorks() async throws {
    let configuration = try await load("[[publish]]\noutputs = \"/srv/outputs\"\nrepo = \"salakash/AskBuddyX\"\n")
    #expect(configuration.endpoint == "https://huggingface.co")
    let section = try #require(configuration.publish.first)
    #expect(section == PublishSection(outputs: "/srv/outputs", repo: "salakash/AskBuddyX"))
    #expect(section.isPrivate && section.create && section.minimumInterval == .seconds(60))
  }

  @Test func everyKeyIsRead() async throws {
    let configuration = try await load(
      """
      endpoint = "http://127.0.0.1:8080/"
      token_file = "token"
      downloads_interval = "0"
      [metrics]
      listen = "127.0.0.1:9464"
      [[publish]]
      outputs = "out/../outputs"
      repo = "org/{directory}"
      revision = "dev"
      private = false
      create = false
      when = "final"
      min_interval = "90s"
      tag = "step-{iterations}"
      settle = "500ms"
      config_json = "always"
      watch = "poll"
      exclude = ["a", "b"]
      bundle = "outputs/hf_bundle"
      card = "card.mustache"
      publish_uncounted = false
      on_published = ["true"]
      on_failed = ["false"]
      [publish.metadata]
      license = "apache-2.0"
      lora_scale = 2.0
      training_samples = 2000
      """)
    #expect(configuration.endpoint == "http://127.0.0.1:8080")
    #expect(configuration.tokenFile?.lastComponent == "token" && configuration.tokenFile?.isAbsolute == true)
    #expect(configuration.downloadsInterval == .zero && configuration.metricsListen == "127.0.0.1:9464")
    let section = try #require(configuration.publish.first)
    #expect(section.outputs.lastComponent == "outputs" && section.outputs.isAbsolute)
    #expect(section.revision == "dev" && !section.isPrivate && !section.create && section.when == .final)
    #expect(section.minimumInterval == .seconds(90) && section.settle == .milliseconds(500))
    #expect(section.configJSON == .always && section.watch == .poll && section.exclude == ["a", "b"])
    #expect(section.bundle?.string.hasSuffix("/outputs/hf_bundle") == true && !section.publishUncounted)
    #expect(section.metadata["lora_scale"] == .number("2.0"))
    #expect(section.metadata["training_samples"] == .number("2000"))
    #expect(configuration.warnings.count == 3)
  }

  static let good = "[[publish]]\noutputs = \"/o\"\nrepo = \"a/b\"\n"

  @Test(arguments: [
    ("[[publish]]\noutput = \"/o\"\n", ":2: unknown key 'output' in [[publish]]; did you mean 'outputs'?"),
    ("endpont = \"x\"\n" + good, ":1: unknown key 'endpont'; did you mean 'endpoint'?"),
    (good + "tag = \"main\"\n", ":4: tag in [[publish]] is the name of the branch, main"),
    (
      good + "tag = \"step {iterations}\"\n",
      ":4: tag = \"step {iterations}\" in [[publish]]: only {iterations} is put in"
    ),
    (good + "zzzzzzzz = 1\n", ":4: unknown key 'zzzzzzzz' in [[publish]]; known are bundle, card"),
    (
      good + good + "settle = 2\n",
      ":7: settle in [[publish]] must be a duration in quotation marks, such as \"2s\", not an integer"
    ),
    (good + "settle = \"2 seconds\"\n", ":4: settle = \"2 seconds\" in [[publish]] is no duration"),
    (good + "when = \"always\"\n", ":4: when = \"always\" in [[publish]] is none of \"every\", \"final\""),
    ("[[publish]]\noutputs = \"/o\"\nrepo = \"\"\n", ":3: repo is empty in [[publish]]"),
    (
      "[[publish]]\noutputs = \"/o\"\nrepo = \"nonamespace\"\n",
      ":3: repo = \"nonamespace\" in [[publish]] is no repo id"
    ),
    ("[[publish]]\nrepo = \"a/b\"\n", ":1: outputs is missing in [[publish]]"),
    ("[[publish]]\noutputs = \"/o\n", ":2: "),
    ("", ": there is no [[publish]] section"),
    ("endpoint = \"http://example.org\"\n" + good, ":1: endpoint: "),
    ("endpoint = \"file://store\"\n" + good, ":1: endpoint: file://store must name an absolute path"),
    (
      good + "[publish.metadata]\nlicence = \"mit\"\n",
      ":5: unknown key 'licence' in [publish.metadata]; did you mean 'license'?"
    ),
    (
      good + "exclude = [\"a/b\"]\n",
      ":4: exclude in [[publish]] takes names, such as \"wandb\" or \"tmp*\", not \"a/b\""
    ),
    ("publish = 1\n", ":1: publish must be a list of tables"),
  ])
  func mistakesAreNamedWithTheirPlace(text: String, message: String) async throws {
    do {
      _ = try await load(text)
      Issue.record("no error for \(text)")
    } catch {
      #expect("\(error)".contains("adapterd.toml\(message)"), "\(error)")
    }
  }

  @Test func confDIsMergedInNameOrderAndTheEnvironmentWins() async throws {
    try await withTemporaryDirectory { directory in
      let file = directory.appending("adapterd.toml")
      try write("endpoint = \"https://one.example\"\n" + Self.good, to: file)
      try write("endpoint = \"https://three.example\"\n", to: directory.appending("conf.d/20.toml"))
      try write(
        "endpoint = \"https://two.example\"\n[[publish]]\noutputs = \"/p\"\nrepo = \"c/d\"\n",
        to: directory.appending("conf.d/10.toml"))
      let plain = try ConfigurationLoader(environment: [:]).load(file)
      #expect(plain.endpoint == "https://three.example")
      #expect(plain.publish.map(\.repo) == ["a/b", "c/d"])
      let other = try ConfigurationLoader(environment: ["HF_ENDPOINT": "https://env.example/"]).load(file)
      #expect(other.endpoint == "https://env.example")
    }
  }

  @Test func theSearchPathIsInOrder() {
    let loader = ConfigurationLoader(
      environment: ["CONFIGURATION_DIRECTORY": "/c", "XDG_CONFIG_HOME": "/x", "HOME": "/h"])
    #expect(
      loader.searchPath == ["/c/adapterd.toml", "/x/adapterd/adapterd.toml", "/etc/adapterd/adapterd.toml"])
    #expect(
      ConfigurationLoader(environment: ["HOME": "/h"]).searchPath == [
        "/h/.config/adapterd/adapterd.toml", "/etc/adapterd/adapterd.toml",
      ])
  }

  @Test func theSampleConfigurationIsGoodWithEveryKeySet() async throws {
    let sample = try text(FilePath(#filePath).removingLastComponent().pushing("../../etc/adapterd.toml"))
    // `#key = value` is a setting, `# text` is prose; of a key that stands twice the first counts.
    var seen: Set<String> = []
    let uncommented = sample.split(separator: "\n", omittingEmptySubsequences: false).compactMap { line -> String? in
      guard line.hasPrefix("#"), !line.hasPrefix("# "), line != "#" else { return String(line) }
      let setting = String(line.dropFirst())
      if setting.hasPrefix("[") { seen = setting.hasPrefix("[[") ? seen : [] }
      let key = setting.prefix { $0 != " " && $0 != "=" }
      return setting.hasPrefix("[") || seen.insert(String(key)).inserted ? setting : nil
    }
    let configuration = try await load(uncommented.joined(separator: "\n"))
    #expect(configuration.publish.allSatisfy { $0.repo == "salakash/AskBuddyX" })
  }

  @Test(arguments: [
    ("2s", Duration.seconds(2)), ("500ms", .milliseconds(500)), ("1.5m", .seconds(90)), ("6h", .seconds(21600)),
    ("1d", .seconds(86400)), ("0", .zero),
  ])
  func durations(text: String, duration: Duration) {
    #expect(Duration(text: text) == duration)
  }

  @Test(arguments: ["", "s", "2", "-1s", "1 s", "infs", "nans", "1e5s", "2S"])
  func notDurations(text: String) {
    #expect(Duration(text: text) == nil)
  }

  private func load(_ text: String) async throws -> Configuration {
    try await withTemporaryDirectory { directory in
      let file = directory.appending("adapterd.toml")
      try write(text, to: file)
      return try ConfigurationLoader(environment: [:]).load(file)
    }
  }
}

@Suite struct TokenSourceTests {
  @Test func placesAreTriedInOrder() async throws {
    try await withTemporaryDirectory { directory in
      try write("file\n", to: directory.appending("hf-token"))
      try write("home", to: directory.appending("token"))
      var environment = ["HF_HOME": directory.string]
      func found(_ file: FilePath? = nil) throws -> Bool {
        try TokenSource(environment: environment).token(file: file) != nil
      }
      #expect(try found())
      environment = ["CREDENTIALS_DIRECTORY": directory.string]
      #expect(try found())
      environment = ["HOME": directory.string]
      #expect(try !found())
      #expect(try found(directory.appending("token")))
    }
  }

  @Test func aNamedFileThatCannotBeReadIsAnError() async throws {
    try await withTemporaryDirectory { directory in
      #expect {
        try TokenSource(environment: ["HF_TOKEN": "x"]).token(file: directory.appending("none"))
      } throws: {
        "\($0)".contains("token_file") && "\($0)".contains("cannot be read")
      }
      try write(" \n", to: directory.appending("empty"))
      #expect {
        try TokenSource(environment: [:]).token(file: directory.appending("empty"))
      } throws: {
        "\($0)".contains("is empty")
      }
    }
  }
}
