import Adapters
import SystemPackage
import TestSupport
import Testing

@Suite struct AdapterParametersTests {
  private func parameters(
    _ config: JSON, _ name: String, _ tensors: [(name: String, shape: [Int])]
  ) async throws -> AdapterParameters {
    try await withTemporaryDirectory { outputs in
      try write(config, to: outputs.appending("adapter_config.json"))
      try write(Sample.safetensors(tensors), to: outputs.appending(name))
      let reading = try AdapterReader(outputs: outputs).read(run: outputs)
      return AdapterParameters(of: try #require(reading.states.first, "\(reading)"))
    }
  }

  private func mlx(_ config: JSON, dora: Bool = false) async throws -> AdapterParameters {
    try await parameters(config, "adapters.safetensors", Sample.mlx(layers: [0, 1], dora: dora))
  }

  private func peft(_ config: JSON) async throws -> AdapterParameters {
    try await parameters(config, "adapter_model.safetensors", Sample.peft(layers: [0, 1]))
  }

  @Test func aRealMLXRunSays() throws {
    let outputs = Fixtures.outputs("mlx-lora")
    let state = try #require(try AdapterReader(outputs: outputs).read(run: outputs).states.first)
    let parameters = AdapterParameters(of: state)
    #expect(parameters.adapterType == "lora")
    #expect(parameters.rank == 8)
    #expect(parameters.scale == 20)
    #expect(parameters.alpha == 160)
    #expect(parameters.dropout == 0)
    #expect(parameters.trainingIterations == 30)
    #expect(parameters.task == "text-generation")
    #expect(parameters.baseModel == "./tiny-qwen2")
    #expect(parameters.dataset == "./data")
  }

  @Test(arguments: ["peft-lora", "peft-lora-old"]) func aRealPEFTRunSays(name: String) throws {
    let outputs = Fixtures.outputs(name)
    let reading = try AdapterReader(outputs: outputs).read(run: outputs.appending("run1"))
    let state = try #require(reading.states.first { $0.directory.lastComponent == "checkpoint-20" })
    let parameters = AdapterParameters(of: state)
    #expect(parameters.adapterType == "lora")
    #expect(parameters.rank == 8)
    #expect(parameters.alpha == 16)
    #expect(parameters.scale == 2)
    #expect(parameters.dropout == 0.05)
    #expect(parameters.trainingIterations == 20)
    #expect(parameters.task == "text-generation")
    #expect(parameters.baseModel == "./tiny-qwen2")
    #expect(parameters.dataset == nil)
  }

  @Test func anAlphaThatIsWrittenIsTaken() async throws {
    let once: JSON = ["rank": .number(8), "alpha": .number(16), "scale": .number(10.0), "dropout": .number(0.05)]
    let parameters = try await mlx(["lora_layers": .number(2), "lora_parameters": once])
    #expect(parameters.alpha == 16)
    #expect(parameters.scale == 10)
    #expect(parameters.dropout == 0.05)
  }

  @Test func mlxVLMMultipliesByItsAlpha() async throws {
    let config: JSON = ["rank": .number(10), "alpha": .number(0.1), "dropout": .number(0.1)]
    let name = "language_model.model.layers.0.self_attn.q_proj"
    let tensors = [("\(name).A", [64, 10]), ("\(name).B", [10, 64])]
    let parameters = try await parameters(config, "adapters.safetensors", tensors)
    #expect(parameters.rank == 10)
    #expect(parameters.alpha == 0.1)
    #expect(parameters.scale == 0.1)
    #expect(parameters.task == "image-text-to-text")
    #expect(parameters.baseModel == nil)
  }

  @Test func doraIsSeenInTheWeights() async throws {
    let lora: JSON = ["rank": .number(8), "scale": .number(2.0)]
    #expect(try await mlx(["fine_tune_type": "dora", "lora_parameters": lora], dora: true).adapterType == "dora")
    #expect(try await mlx(["lora_parameters": lora], dora: true).adapterType == "dora")
    #expect(try await mlx(["lora_parameters": lora]).adapterType == "lora")
  }

  @Test func whatIsNotWrittenIsNotGuessed() async throws {
    let parameters = try await mlx(["lora_parameters": ["rank": .number(8)]])
    #expect(parameters.alpha == nil)
    #expect(parameters.scale == nil)
    #expect(parameters.dropout == nil)
    #expect(parameters.trainingIterations == nil)
    #expect(parameters.baseModel == nil)
    #expect(parameters.dataset == nil)
    let bare = try await peft(["peft_type": "LORA", "task_type": "SEQ_2_SEQ_LM"])
    #expect(bare.task == nil)
    #expect(bare.alpha == nil)
    #expect(bare.scale == nil)
    #expect(bare.rank == 8)
  }

  @Test func aHubDatasetIsTakenBeforeTheDataFolder() async throws {
    let lora: JSON = ["rank": .number(8), "scale": .number(2.0)]
    let config: JSON = ["data": "data/", "hf_dataset": ["path": "a/b"], "lora_parameters": lora]
    #expect(try await mlx(config).dataset == "a/b")
  }

  @Test func rankStabilizedLoRAIsScaledByTheRoot() async throws {
    let config: JSON = [
      "peft_type": "LORA", "r": .number(8), "lora_alpha": .number(16), "use_rslora": .bool(true),
      "task_type": "TOKEN_CLS",
    ]
    let parameters = try await peft(config)
    #expect(parameters.scale == 16 / Double(8).squareRoot())
    #expect(parameters.task == "token-classification")
  }
}
