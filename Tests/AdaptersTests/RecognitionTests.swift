import Adapters
import Foundation
import Glibc
import Kernel
import SystemPackage
import TestSupport
import Testing

/// What is an adapter, what is not yet one, and what will never be.
@Suite struct RecognitionTests {
  /// Puts files into a new run and reads it. `nil` bytes: no such file.
  private func reading(_ files: [String: [UInt8]], _ prepare: (FilePath) throws -> Void = { _ in }) async throws
    -> RunReading
  {
    try await withTemporaryDirectory { outputs in
      let run = outputs.appending("run")
      for (name, bytes) in files { try write(bytes, to: run.pushing(FilePath(name))) }
      try makeDirectories(run)
      try prepare(run)
      return try AdapterReader(outputs: outputs).read(run: run)
    }
  }

  private func json(_ json: JSON) -> [UInt8] { Array(json.serialized().utf8) }
  private func fixture(_ path: String) throws -> [UInt8] {
    try contents(Fixtures.root.appending("outputs").pushing(FilePath(path)))
  }

  private static let lora: JSON = ["rank": .number(8), "dropout": .number(0.0), "scale": .number(20.0)]
  private func mlx(_ more: JSON.Object = [:]) -> [UInt8] {
    var config: JSON.Object = ["fine_tune_type": "lora", "lora_parameters": Self.lora]
    for member in more.members { config[member.key] = member.value }
    return json(.object(config))
  }
  private func peft(_ more: JSON.Object = [:]) -> [UInt8] {
    var config: JSON.Object = ["peft_type": "LORA", "r": .number(8), "use_dora": .bool(false)]
    for member in more.members { config[member.key] = member.value }
    return json(.object(config))
  }

  private static let corrupt: [String] = {
    let names = try? FileManager.default.contentsOfDirectory(atPath: Fixtures.corrupt.string)
    return names?.filter { $0.hasSuffix(".safetensors") }.sorted() ?? []
  }()

  @Test(arguments: corrupt) func noDamagedFileBecomesAStateAndEachIsSaid(name: String) async throws {
    let verdicts = try JSON(parsing: try contents(Fixtures.corrupt.appending("expected.json")))
    let verdict = try #require(verdicts[name]?["safetensors_0.8.0"])
    let isMLX = name.hasPrefix("ok_mlx")
    let config = try fixture(
      isMLX ? "mlx-lora/adapters/adapter_config.json" : "peft-lora/run1/final/adapter_config.json")
    let weights = isMLX ? "adapters.safetensors" : "adapter_model.safetensors"
    let damaged = try contents(Fixtures.corrupt.appending(name))
    let reading = try await reading(["adapter_config.json": config, weights: damaged])
    // A file without tensors is a valid file, and no adapter.
    let isAdapter = verdict["verdict"]?.string == "accept" && verdict["detail"]?.string != "0 tensors"
    #expect(reading.states.count == (isAdapter ? 1 : 0))
    // mlx-lm's configuration says that a numbered copy follows; here none does.
    #expect(reading.incomplete.count + reading.refusals.count == (isAdapter && !isMLX ? 0 : 1))
    let reasons = reading.incomplete.map(\.reason) + reading.refusals.map(\.reason)
    #expect(reasons.allSatisfy { !$0.isEmpty })
  }

  @Test func weightsWithoutAConfigurationAreNotWhole() async throws {
    for (name, weights) in [
      ("adapter_model.safetensors", Sample.safetensors(Sample.peft(layers: [0, 1]))),
      ("adapters.safetensors", Sample.safetensors(Sample.mlx(layers: [0, 1]))),
    ] {
      let reading = try await reading([name: weights])
      #expect(reading.states.isEmpty)
      #expect(reading.incomplete.map(\.kind) == [.missing("adapter_config.json")])
    }
  }

  @Test(arguments: ["", "{", "{\"peft_type\": \"LORA\", \"r\": 8", "[]", "null", "{} {}"])
  func aConfigurationThatIsNotWholeIsTorn(text: String) async throws {
    let reading = try await reading([
      "adapter_config.json": Array(text.utf8),
      "adapter_model.safetensors": Sample.safetensors(Sample.peft(layers: [0])),
    ])
    #expect(reading.states.isEmpty)
    #expect(reading.incomplete.map(\.kind) == [.torn])
    #expect(reading.incomplete.first?.reason.contains("adapter_config.json") == true)
  }

  @Test func aConfigurationWithoutWeightsWaitsForThoseOfItsTrainer() async throws {
    #expect(
      try await reading(["adapter_config.json": mlx()]).incomplete.map(\.kind) == [.missing("adapters.safetensors")])
    let axolotl = try await reading(["adapter_config.json": peft(), "config.json": json([:])])
    #expect(axolotl.incomplete.map(\.kind) == [.missing("adapter_model.safetensors")])
  }

  @Test func anEmptyDirectoryIsNothing() async throws {
    #expect(try await reading([:]) == RunReading())
    #expect(try await reading(["README.md": Array("# x".utf8), "model.safetensors": []]) == RunReading())
  }

  @Test func fullFineTunesAreRefused() async throws {
    let layer = [(name: "model.layers.0.self_attn.q_proj.weight", shape: [64, 64])]
    let named = try await reading([
      "adapter_config.json": json(["fine_tune_type": "full", "lora_parameters": .null]),
      "adapters.safetensors": Sample.safetensors(layer),
    ])
    let unnamed = try await reading(["adapter_config.json": mlx(), "adapters.safetensors": Sample.safetensors(layer)])
    let ofPEFT = try await reading([
      "adapter_config.json": peft(), "adapter_model.safetensors": Sample.safetensors(layer),
    ])
    for reading in [named, unnamed, ofPEFT] {
      #expect(reading.states.isEmpty)
      #expect(reading.incomplete.isEmpty)
      #expect(reading.refusals.map { $0.reason.contains("full fine-tune") } == [true])
    }
  }

  @Test func theFormatIsThatOfTheWeightsWhateverTheConfigurationSays() async throws {
    // Unsloth's on Apple silicon has the keys of both.
    let both = mlx(["peft_type": "LORA", "base_model_name_or_path": "a/b", "num_layers": .number(2), "r": .number(99)])
    let reading = try await reading([
      "adapter_config.json": both, "adapters.safetensors": Sample.safetensors(Sample.mlx(layers: [0, 1])),
    ])
    #expect(reading.states.map(\.format) == [.mlx])
    #expect(AdapterParameters(of: try #require(reading.states.first)).baseModel == "a/b")
  }

  @Test func tensorsMustBeNamedAsTheFileHasThem() async throws {
    let mlxNames = try await reading([
      "adapter_config.json": peft(), "adapter_model.safetensors": Sample.safetensors(Sample.mlx(layers: [0])),
    ])
    let peftNames = try await reading([
      "adapter_config.json": mlx(), "adapters.safetensors": Sample.safetensors(Sample.peft(layers: [0])),
    ])
    #expect(mlxNames.refusals.map { $0.reason.contains("mlx") } == [true])
    #expect(peftNames.refusals.map { $0.reason.contains("peft") } == [true])
  }

  @Test func otherKindsOfPEFTAreRefused() async throws {
    let reading = try await reading([
      "adapter_config.json": peft(["peft_type": "IA3"]),
      "adapter_model.safetensors": Sample.safetensors([("base_model.model.x.ia3_l", [8, 1])]),
    ])
    #expect(reading.refusals.map { $0.reason.contains("IA3") } == [true])
  }

  @Test(arguments: ["adapter_model.bin", "adapters.npz"]) func picklesAreRefusedUnopened(name: String) async throws {
    let reading = try await reading(["adapter_config.json": peft(), name: [0x80]])
    #expect(reading.refusals.map { $0.file.lastComponent?.string } == [name])
    #expect(reading.incomplete.isEmpty)
  }

  @Test func aPickleBesideSafetensorsDoesNotMatter() async throws {
    let reading = try await reading([
      "adapter_config.json": peft(), "adapter_model.bin": [0x80], "training_args.bin": [0x80],
      "adapter_model.safetensors": Sample.safetensors(Sample.peft(layers: [0])),
    ])
    #expect(reading.states.count == 1)
    #expect(reading.refusals.isEmpty)
    #expect(reading.states.first?.files.map(\.name) == ["adapter_config.json"])
  }

  @Test func linksAreNotFollowed() async throws {
    try await withTemporaryDirectory { outside in
      let weights = outside.appending("weights")
      try write(Sample.safetensors(Sample.peft(layers: [0])), to: weights)
      try write("secret", to: outside.appending("secret"))
      let linked = try await reading(["adapter_config.json": peft()]) { run in
        try link(run.appending("adapter_model.safetensors"), to: weights)
      }
      #expect(linked.states.isEmpty)
      #expect(linked.refusals.map { $0.reason.contains("symbolic link") } == [true])
      // What goes along is left out without a word, a directory is not entered.
      let others = try await reading([
        "adapter_config.json": peft(), "adapter_model.safetensors": try contents(weights),
      ]) { run in
        try link(run.appending("README.md"), to: outside.appending("secret"))
        try link(run.appending("checkpoint-7"), to: outside)
      }
      #expect(others.states.map { $0.files.map(\.name) } == [["adapter_config.json"]])
    }
  }

  @Test(.timeLimit(.minutes(10))) func whatIsNoFileIsRefusedAtOnce() async throws {
    for name in ["adapters.safetensors", "adapter_config.json"] {
      var files = ["adapter_config.json": mlx(), "adapters.safetensors": Sample.safetensors(Sample.mlx(layers: [0]))]
      files[name] = nil
      let fifo = try await reading(files) { run in
        #expect(run.appending(name).withPlatformString { mkfifo($0, 0o644) } == 0)
      }
      #expect(fifo.states.isEmpty)
      #expect(fifo.refusals.map(\.reason) == ["it is not a regular file"])
      let directory = try await reading(files) { try makeDirectories($0.appending(name)) }
      #expect(directory.states.isEmpty)
      #expect(directory.refusals.map(\.reason) == ["it is not a regular file"])
    }
  }

  @Test(.enabled(if: getuid() != 0, "root may read everything"))
  func weightsOfAnotherUserAreRefusedWithTheRemedy() async throws {
    let reading = try await reading([
      "adapter_config.json": peft(), "adapter_model.safetensors": Sample.safetensors(Sample.peft(layers: [0])),
    ]) { run in
      #expect(run.appending("adapter_model.safetensors").withPlatformString { chmod($0, 0) } == 0)
    }
    #expect(reading.states.isEmpty)
    #expect(reading.refusals.map { $0.reason.contains("the user who trains") } == [true])
  }

  // MARK: agreement

  private func disagreement(_ config: [UInt8], _ name: String, _ tensors: [(name: String, shape: [Int])]) async throws
    -> String?
  {
    let reading = try await reading(["adapter_config.json": config, name: Sample.safetensors(tensors)])
    #expect(reading.refusals.isEmpty)
    #expect(reading.states.count + reading.incomplete.count == 1)
    #expect(reading.incomplete.allSatisfy { $0.kind == .disagrees })
    return reading.incomplete.first?.reason
  }

  @Test(arguments: [
    // The model has as many layers, all, fewer than asked for; what is adapted is not in every layer.
    (16, Array(8..<24), true), (-1, Array(0..<24), true), (0, Array(0..<24), true), (16, Array(0..<2), true),
    (16, [11, 15, 19, 23], true), (8, [23], true),
    // More than asked for, fewer of the last.
    (8, Array(8..<24), false), (16, Array(20..<24), false), (1, [0, 1], false),
  ]) func layersMustBeThoseThatMLXAdapts(count: Int, layers: [Int], agree: Bool) async throws {
    let config = mlx(["num_layers": .number(count)])
    let reason = try await disagreement(config, "adapters.safetensors", Sample.mlx(layers: layers))
    #expect((reason == nil) == agree, "\(reason ?? "agrees")")
    #expect(reason?.contains("layers") ?? true)
  }

  @Test func layersThatTheUserChoseModulesOfMayBeFewer() async throws {
    let parameters: JSON = ["rank": .number(8), "scale": .number(2.0), "keys": .array(["mlp.gate"])]
    let config = mlx(["num_layers": .number(16), "lora_parameters": parameters])
    #expect(try await disagreement(config, "adapters.safetensors", Sample.mlx(layers: [20, 21, 22, 23])) == nil)
  }

  @Test func ranksMustBeEqual() async throws {
    let mlxTensors = Sample.mlx(layers: [0, 1], rank: 4)
    #expect(try await disagreement(mlx(), "adapters.safetensors", mlxTensors)?.contains("rank 8") == true)
    let peftTensors = Sample.peft(layers: [0, 1], rank: 4)
    #expect(try await disagreement(peft(), "adapter_model.safetensors", peftTensors)?.contains("r 8") == true)
    let pattern = peft(["rank_pattern": ["layers.1.self_attn.q_proj": .number(4)]])
    let mixed = Sample.peft(layers: [0]) + Sample.peft(layers: [1], rank: 4)
    #expect(try await disagreement(pattern, "adapter_model.safetensors", mixed) == nil)
    #expect(try await disagreement(mlx(["lora_parameters": .null]), "adapters.safetensors", mlxTensors) != nil)
  }

  @Test func expertsHaveTheirRankElsewhere() async throws {
    let name = "model.layers.0.mlp.switch_mlp.up_proj"
    let now = [("\(name).lora_a", [4, 8, 64]), ("\(name).lora_b", [4, 32, 8])]
    let once = [("\(name).lora_a", [32, 64]), ("\(name).lora_b", [4, 32, 8])]
    #expect(try await disagreement(mlx(), "adapters.safetensors", now) == nil)
    #expect(try await disagreement(mlx(), "adapters.safetensors", once) == nil)
    let inPEFT = [
      ("base_model.model.model.layers.0.mlp.experts.lora_A.weight", [32, 64]),
      ("base_model.model.model.layers.0.mlp.experts.lora_B.weight", [64, 32]),
    ]
    #expect(try await disagreement(peft(), "adapter_model.safetensors", inPEFT) != nil)
    let config = peft(["target_parameters": .array(["mlp.experts.gate_up_proj"])])
    #expect(try await disagreement(config, "adapter_model.safetensors", inPEFT) == nil)
  }

  @Test func doraAndLoraMustBeToldAlike() async throws {
    let dora = Sample.mlx(layers: [0], dora: true)
    #expect(try await disagreement(mlx(["fine_tune_type": "dora"]), "adapters.safetensors", dora) == nil)
    #expect(try await disagreement(mlx(), "adapters.safetensors", dora) != nil)
    #expect(
      try await disagreement(mlx(["fine_tune_type": "dora"]), "adapters.safetensors", Sample.mlx(layers: [0])) != nil)
    let magnitude = [(name: "base_model.model.x.lora_magnitude_vector.weight", shape: [64])]
    let peftDora = Sample.peft(layers: [0]) + magnitude
    #expect(try await disagreement(peft(["use_dora": .bool(true)]), "adapter_model.safetensors", peftDora) == nil)
    #expect(try await disagreement(peft(), "adapter_model.safetensors", peftDora) != nil)
  }

  @Test func chosenLayersOfPEFTMustBeThose() async throws {
    let config = peft(["layers_to_transform": .array([.number(0), .number(1)])])
    #expect(try await disagreement(config, "adapter_model.safetensors", Sample.peft(layers: [0, 1])) == nil)
    #expect(try await disagreement(config, "adapter_model.safetensors", Sample.peft(layers: [0, 2])) != nil)
  }

  @Test func modulesThatAreSavedWholeGoAlong() async throws {
    let head = [(name: "base_model.model.score.weight", shape: [2, 64])]
    #expect(try await disagreement(peft(), "adapter_model.safetensors", Sample.peft(layers: [0]) + head) == nil)
  }
}
