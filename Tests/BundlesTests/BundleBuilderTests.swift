import Adapters
import Bundles
import DownloadTracking
import Foundation
import Kernel
import SystemPackage
import TestSupport
import Testing

@Suite struct BundleBuilderTests {
  @Test func configOfTheMLXFixtureIsWhatTheMetadataAndTheRunSay() async throws {
    try await withTemporaryDirectory { directory in
      let settings = BundleSettings(
        repo: "salakash/AskBuddyX",
        metadata: [
          "model_type": .string("qwen2"), "base_model": .string("mlx-community/Qwen2.5-Coder-0.5B-Instruct-4bit"),
          "base_model_reference": .string("Qwen/Qwen2.5-Coder-0.5B-Instruct"), "lora_alpha": .number(16),
          "lora_dropout": .number("0.05"), "trained_on": .string("flwrlabs/code-alpaca-20k"),
          "training_samples": .number(2000), "training_iterations": .number(50), "license": .string("apache-2.0"),
          "description": .string("LoRA adapter for Qwen2.5-Coder-0.5B-Instruct trained on code-alpaca-20k dataset."),
        ])
      let bundle = try build(Fixtures.outputs("mlx-lora"), settings, in: directory)
      #expect(
        try text(bundle.path(of: "config.json")) == """
          {
            "model_type": "qwen2",
            "adapter_type": "lora",
            "base_model": "mlx-community/Qwen2.5-Coder-0.5B-Instruct-4bit",
            "base_model_reference": "Qwen/Qwen2.5-Coder-0.5B-Instruct",
            "task": "text-generation",
            "framework": "mlx",
            "lora_rank": 8,
            "lora_alpha": 16,
            "lora_scale": 2.0,
            "lora_dropout": 0.05,
            "trained_on": "flwrlabs/code-alpaca-20k",
            "training_samples": 2000,
            "training_iterations": 50,
            "model_name": "AskBuddyX",
            "description": "LoRA adapter for Qwen2.5-Coder-0.5B-Instruct trained on code-alpaca-20k dataset.",
            "license": "apache-2.0"
          }

          """)
    }
  }

  @Test func whatTheMetadataDoesNotSayIsReadFromTheRun() async throws {
    try await withTemporaryDirectory { directory in
      let bundle = try build(Fixtures.outputs("mlx-lora"), BundleSettings(repo: "a/b"), in: directory)
      let config = try JSON(parsing: contents(bundle.path(of: "config.json")))
      #expect(config["lora_rank"] == .number("8"))
      #expect(config["lora_alpha"] == .number("160"))
      #expect(config["lora_scale"] == .number("20.0"))
      #expect(config["lora_dropout"] == .number("0.0"))
      #expect(config["training_iterations"] == .number("30"))
      // The run's files name a local directory as the base: that is no id, and is not guessed at.
      #expect(config["base_model"] == nil)
      #expect(config["license"] == nil)
    }
  }

  @Test func anMLXBundleHasItsFilesAndIsCountedByConfig() async throws {
    try await withTemporaryDirectory { directory in
      let bundle = try build(Fixtures.outputs("mlx-lora"), BundleSettings(repo: "a/b"), in: directory)
      #expect(
        bundle.manifest.files.map(\.path) == [
          "LICENSE-THIRD-PARTY.md", "MODEL_CARD.md", "README.md", "USAGE.md", "adapter_config.json",
          "adapters.safetensors", "config.json", "run_meta.json",
        ])
      #expect(bundle.verdict.summary == "counted: config.json (default rule; library mlx)")
      let source = Fixtures.outputs("mlx-lora").appending("adapters/adapters.safetensors")
      #expect(try contents(bundle.path(of: "adapters.safetensors")) == contents(source))
    }
  }

  @Test(arguments: ["peft-lora", "peft-lora-old"])
  func aPEFTBundleHasNoConfigAndIsCountedByAdapterConfig(fixture: String) async throws {
    try await withTemporaryDirectory { directory in
      let bundle = try build(Fixtures.outputs(fixture), BundleSettings(repo: "a/b"), in: directory)
      let names = bundle.manifest.files.map(\.path)
      #expect(!names.contains("config.json"))
      #expect(names.contains("adapter_model.safetensors") && names.contains("tokenizer.json"))
      #expect(names.allSatisfy(AllowList.permits))
      #expect(bundle.verdict.summary.hasPrefix("counted: adapter_config.json"))
      #expect(bundle.notes.contains { $0.contains("no config.json") })
      // `final` has no trainer_state.json; it equals checkpoint-30, which has.
      #expect(bundle.step == 30)
      let meta = try JSON(parsing: contents(bundle.path(of: "run_meta.json")))
      #expect(meta["training_iterations"] == .number("30"))
      #expect(meta["lora_scale"] == .number("2.0"))
      let card = try text(bundle.path(of: "README.md"))
      // The fixture's base_model is a local path, which the Hub refuses.
      #expect(card.contains("library_name: peft") && !card.contains("tiny-qwen2\n"))
    }
  }

  @Test func configJSONCanBeForcedAndForbidden() async throws {
    try await withTemporaryDirectory { directory in
      let always = try build(
        Fixtures.outputs("peft-lora"), BundleSettings(repo: "a/b", configJSON: .always), in: directory)
      #expect(always.manifest.files.contains { $0.path == "config.json" })
      #expect(always.verdict.countedFiles == ["adapter_config.json"])
      let never = try build(
        Fixtures.outputs("mlx-lora"), BundleSettings(repo: "a/b", configJSON: .never), in: directory)
      #expect(!never.verdict.isCounted)
    }
  }

  @Test(arguments: ["mlx-lora", "peft-lora"])
  func theSameAdapterGivesTheSameBytes(fixture: String) async throws {
    try await withTemporaryDirectory { directory in
      // Another place, other times: neither is part of a bundle.
      let copy = directory.appending("elsewhere")
      try copyTree(Fixtures.outputs(fixture), to: copy)
      let one = try build(Fixtures.outputs(fixture), BundleSettings(repo: "a/b"), in: directory)
      let other = try build(copy, BundleSettings(repo: "a/b"), in: directory)
      #expect(one.manifest == other.manifest)
    }
  }

  @Test func theManifestIsTrue() async throws {
    try await withTemporaryDirectory { directory in
      let bundle = try build(Fixtures.outputs("mlx-lora"), BundleSettings(repo: "a/b"), in: directory)
      let lines = try bundle.manifest.files.map { file in
        let size = try contents(bundle.path(of: file.path)).count
        #expect(Int64(size) == file.size)
        return "\(file.digests.sha256)  \(bundle.path(of: file.path).string)\n"
      }
      // Another's word for it: coreutils.
      let list = directory.appending("sums")
      try write(lines.joined(), to: list)
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/sha256sum")
      process.arguments = ["--check", "--quiet", "--strict", list.string]
      try process.run()
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
      let manifest = try JSON(parsing: contents(bundle.directory.appending("manifest.json")))
      #expect(Manifest(json: manifest) == bundle.manifest)
    }
  }

  @Test func weightsThatChangedSinceTheyWereJudgedAreNotTaken() async throws {
    try await withTemporaryDirectory { directory in
      let outputs = directory.appending("outputs")
      try copyTree(Fixtures.outputs("mlx-lora"), to: outputs)
      let state = try newest(outputs)
      let other = Fixtures.outputs("mlx-lora").appending("adapters/0000010_adapters.safetensors")
      try write(contents(other), to: outputs.appending("adapters/adapters.safetensors"))
      let staged = directory.appending("staged")
      #expect {
        try BundleBuilder(outputs: outputs, cache: BaseModelCache(environment: [:]))
          .build(state, settings: BundleSettings(repo: "a/b"), at: staged)
      } throws: { error in
        guard case .changed(let path) = error as? BundleError else { return false }
        return path == state.weights.path
      }
      #expect(throws: SystemError.self) { try FileIdentity(of: staged) }
      #expect(throws: SystemError.self) { try FileIdentity(of: directory.appending("staged.partial")) }
    }
  }

  /// A rotation that deletes a checkpoint is no error, and neither is one that puts a file in its place.
  @Test(arguments: [false, true]) func weightsThatAreGoneSinceTheyWereJudgedAreSaidToBe(aFileIsThere: Bool) async throws
  {
    try await withTemporaryDirectory { directory in
      let outputs = directory.appending("outputs")
      try copyTree(Fixtures.outputs("mlx-lora"), to: outputs)
      let state = try newest(outputs)
      try removeTree(state.directory)
      if aFileIsThere { try write("", to: state.directory) }
      #expect {
        try BundleBuilder(outputs: outputs, cache: BaseModelCache(environment: [:]))
          .build(state, settings: BundleSettings(repo: "a/b"), at: directory.appending("staged"))
      } throws: { error in
        guard case .vanished(let path) = error as? BundleError else { return false }
        return path.starts(with: state.directory)
      }
      #expect(try names(in: directory).map(\.string) == ["outputs"])
    }
  }

  @Test func nothingOffTheAllowListLeaves() async throws {
    try await withTemporaryDirectory { directory in
      let outputs = directory.appending("outputs")
      try copyTree(Fixtures.outputs("peft-lora").appending("run1/checkpoint-30"), to: outputs)
      for name in [".env", "optimizer.bin", "config.json", "token", "notes.txt", "evil.pkl"] {
        try write("secret", to: outputs.appending(name))
      }
      try FileManager.default.createSymbolicLink(
        atPath: outputs.appending("vocab.json").string, withDestinationPath: "/etc/hostname")
      let bundle = try build(outputs, BundleSettings(repo: "a/b"), in: directory)
      let names = bundle.manifest.files.map(\.path)
      #expect(names.allSatisfy(AllowList.permits))
      #expect(!names.contains("vocab.json") && !names.contains("config.json"))
      #expect(!names.contains { $0.hasSuffix(".pt") || $0.hasSuffix(".bin") })
    }
  }

  @Test func localPathsDoNotLeave() async throws {
    try await withTemporaryDirectory { directory in
      let outputs = directory.appending("outputs")
      try copyTree(Fixtures.outputs("mlx-lora"), to: outputs)
      let config = outputs.appending("adapters/adapter_config.json")
      let secret = try text(config)
        .replacing("./outputs/adapters", with: "/home/alice/secret/adapters")
        .replacing("./data", with: "/Users/alice/data").replacing("./tiny-qwen2", with: "/mnt/models/tiny-qwen2")
      try write(secret, to: config)
      try write(
        #"{"note": "from /home/alice/runs/7 at 5 it/s", "files": ["~/x/y.json"], "url": "https://a.b/c/d"}"#,
        to: outputs.appending("adapters/run_meta.json"))
      let bundle = try build(
        outputs, BundleSettings(repo: "a/b", metadata: ["base_model": .string("org/base")]), in: directory)
      for file in bundle.manifest.files where file.path.hasSuffix(".json") {
        let text = try text(bundle.path(of: file.path))
        #expect(!text.contains("alice") && !text.contains("/mnt/") && !text.contains("~/"))
      }
      let copied = try JSON(parsing: contents(bundle.path(of: "adapter_config.json")))
      #expect(copied["model"] == .string("org/base"))
      #expect(copied["adapter_path"] == .string("adapters"))
      let meta = try JSON(parsing: contents(bundle.path(of: "run_meta.json")))
      #expect(meta["note"] == .string("from 7 at 5 it/s"))
      #expect(meta["url"] == .string("https://a.b/c/d"))
    }
  }

  @Test func theUsersCardIsKeptAndItsFrontMatterCompleted() async throws {
    try await withTemporaryDirectory { directory in
      let outputs = directory.appending("outputs")
      try copyTree(Fixtures.outputs("mlx-lora"), to: outputs)
      try write(
        "---\nlicense: mit\nlibrary_name: transformers\ntags: [no, 'mine']\n---\n# My words\n\nStay.\n",
        to: outputs.appending("adapters/README.md"))
      let bundle = try build(
        outputs, BundleSettings(repo: "a/b", metadata: ["base_model": .string("org/base")]), in: directory)
      let card = try text(bundle.path(of: "README.md"))
      #expect(card.hasSuffix("# My words\n\nStay.\n"))
      #expect(card.contains("license: mit\n") && card.contains("library_name: mlx\n"))
      #expect(card.contains("base_model: org/base\n") && card.contains("base_model_relation: adapter\n"))
      #expect(card.contains("- mine\n- lora\n- mlx\n"))
    }
  }

  @Test func aBrokenFrontMatterIsNamed() async throws {
    try await withTemporaryDirectory { directory in
      let outputs = directory.appending("outputs")
      try copyTree(Fixtures.outputs("mlx-lora"), to: outputs)
      try write("---\n- a list\n---\ntext", to: outputs.appending("adapters/README.md"))
      #expect {
        try build(outputs, BundleSettings(repo: "a/b"), in: directory)
      } throws: {
        "\($0)".hasPrefix("README.md: the front matter is not a YAML mapping")
      }
    }
  }

  @Test func aCardTemplateIsRenderedWithoutEscaping() async throws {
    try await withTemporaryDirectory { directory in
      let settings = BundleSettings(
        repo: "a/b", metadata: ["description": .string("fast & <small>")],
        cardTemplate: "# {{model_name}}\n\n{{description}} rank {{lora_rank}}\n")
      let bundle = try build(Fixtures.outputs("mlx-lora"), settings, in: directory)
      #expect(try text(bundle.path(of: "README.md")).hasSuffix("# b\n\nfast & <small> rank 8\n"))
    }
  }

  @Test func theBaseModelsOwnFilesAreReadFromTheLocalCache() async throws {
    try await withTemporaryDirectory { directory in
      let folder = directory.appending("hub/models--mlx-community--tiny")
      try write("0123456789012345678901234567890123456789", to: folder.appending("refs/main"))
      let snapshot = folder.appending("snapshots/0123456789012345678901234567890123456789")
      try write(#"{"model_type": "qwen2"}"#, to: snapshot.appending("config.json"))
      try write("---\nbase_model: Org/Original\nlicense: mit\n---\n", to: snapshot.appending("README.md"))
      let cache = BaseModelCache(environment: ["HF_HOME": directory.string])
      let outputs = Fixtures.outputs("mlx-lora")
      let bundle = try BundleBuilder(outputs: outputs, cache: cache).build(
        newest(outputs),
        settings: BundleSettings(repo: "a/b", metadata: ["base_model": .string("mlx-community/tiny")]),
        at: directory.appending("bundle"))
      let config = try JSON(parsing: contents(bundle.path(of: "config.json")))
      #expect(config["model_type"] == .string("qwen2"))
      #expect(config["base_model_reference"] == .string("Org/Original"))
      #expect(config["license"] == .string("mit"))
      #expect(config["description"] == .string("LoRA adapter for Original."))
    }
  }
}

private func newest(_ outputs: FilePath) throws -> AdapterState {
  let reader = AdapterReader(outputs: outputs)
  let runs = [outputs, outputs.appending("run1")]
  return try #require(try runs.flatMap { try reader.read(run: $0).states }.first)
}

@discardableResult
private func build(
  _ outputs: FilePath, _ settings: BundleSettings, in directory: FilePath
) throws -> AdapterBundle {
  try BundleBuilder(outputs: outputs, cache: BaseModelCache(environment: [:]))
    .build(newest(outputs), settings: settings, at: directory.appending("bundle-\(UUID())"))
}
