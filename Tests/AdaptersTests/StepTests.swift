import Adapters
import Foundation
import SystemPackage
import TestSupport
import Testing

/// How far a training was, whether that was its end, and what is still to come: by what lies there and when it was
/// written.
@Suite struct StepTests {
  private func config(iters: Int, saveEvery: Int, _ more: JSON.Object = [:]) -> JSON {
    var config: JSON.Object = [
      "fine_tune_type": "lora", "iters": .number(iters), "save_every": .number(saveEvery),
      "lora_parameters": ["rank": .number(8), "dropout": .number(0.0), "scale": .number(20.0)],
    ]
    for member in more.members { config[member.key] = member.value }
    return .object(config)
  }

  /// Reads an mlx-lm directory with these weights, each written at that many seconds; the configuration at 0.
  private func mlx(_ config: JSON, _ files: [(name: String, time: Double)], rank: Int = 8) async throws -> RunReading {
    try await withTemporaryDirectory { outputs in
      let directory = outputs.pushing("run/adapters")
      try write(config, to: directory.appending("adapter_config.json"))
      try setModified(directory.appending("adapter_config.json"), 0)
      for (name, time) in files {
        try write(Sample.safetensors(Sample.mlx(layers: [0, 1], rank: rank)), to: directory.appending(name))
        try setModified(directory.appending(name), time)
      }
      return try AdapterReader(outputs: outputs).read(run: outputs.appending("run"))
    }
  }

  private static let latest = "adapters.safetensors"
  private static func numbered(_ step: Int) -> String {
    String(repeating: "0", count: 7 - String(step).count) + "\(step)_adapters.safetensors"
  }

  private struct Case: Sendable, CustomStringConvertible {
    let description: String
    let iters: Int
    let saveEvery: Int
    let files: [(name: String, time: Double)]
    let step: Int?
    let isFinal: Bool
    let twin: Int?
  }

  private static let cases = [
    Case(
      description: "the numbered file is written after the other", iters: 30, saveEvery: 10,
      files: [(latest, 10), (numbered(10), 10.001)], step: 10, isFinal: false, twin: nil),
    Case(
      description: "between the two writes of a save", iters: 30, saveEvery: 10,
      files: [(numbered(10), 10), (latest, 20)], step: nil, isFinal: false, twin: 10),
    Case(
      description: "the end, written once more", iters: 30, saveEvery: 10,
      files: [(numbered(20), 20), (numbered(30), 30), (latest, 31)], step: 30, isFinal: true, twin: nil),
    Case(
      description: "an end that is no multiple of save_every", iters: 25, saveEvery: 10,
      files: [(numbered(10), 10), (numbered(20), 20), (latest, 25)], step: 25, isFinal: true, twin: nil),
    Case(
      description: "a save before such an end", iters: 25, saveEvery: 10,
      files: [(numbered(10), 10), (latest, 15)], step: nil, isFinal: false, twin: 10),
    Case(
      description: "shorter than save_every", iters: 50, saveEvery: 100, files: [(latest, 50)], step: 50, isFinal: true,
      twin: nil),
    Case(
      description: "an earlier run's file of a higher number", iters: 20, saveEvery: 10,
      files: [(numbered(30), -100), (latest, 10), (numbered(10), 10.001)], step: 10, isFinal: false, twin: nil),
    Case(
      description: "an earlier run's file of the same number", iters: 30, saveEvery: 10,
      files: [(numbered(30), -100), (latest, 10)], step: nil, isFinal: false, twin: nil),
    Case(
      description: "the same, copied", iters: 20, saveEvery: 10,
      files: [(numbered(30), 0), (latest, 0), (numbered(10), 0)], step: 10, isFinal: false, twin: nil),
    Case(
      description: "copied: all of one time", iters: 30, saveEvery: 10,
      files: [(numbered(10), 0), (numbered(30), 0), (numbered(20), 0), (latest, 0)], step: 30, isFinal: true, twin: nil),
  ]

  @Test(arguments: cases) private func mlxStepsAreThoseThatTheFilesProve(_ this: Case) async throws {
    let reading = try await mlx(config(iters: this.iters, saveEvery: this.saveEvery), this.files)
    let state = try #require(reading.states.first)
    #expect(reading.states.count == 1)
    #expect(state.step == this.step)
    #expect(state.isFinal == this.isFinal)
    #expect(state.twin?.step == this.twin)
    // As long as the step is open, the numbered copy that will tell it is waited for.
    #expect(reading.incomplete.map(\.kind) == (this.step == nil ? [.waitsFor("a numbered copy")] : []))
    #expect(reading.incomplete.allSatisfy { $0.isOptional })
  }

  @Test func aSecondRunOfTheSameShapeWaitsForItsFirstWeights() async throws {
    let files = [(Self.numbered(30), -60.0), (Self.latest, -60.0)]
    let reading = try await mlx(config(iters: 30, saveEvery: 10), files)
    #expect(reading.incomplete.map(\.kind) == [.waitsFor("adapters.safetensors")])
    // However long it lasts: these weights are not of this configuration.
    #expect(!reading.incomplete.contains { $0.isOptional })
    #expect(reading.states.map(\.isFinal) == [false])
    #expect(reading.states.map(\.endIsProven) == [false])
    // Unsloth writes its configuration after the weights.
    let unsloth = try await mlx(config(iters: 30, saveEvery: 10, ["peft_type": "LORA"]), files)
    #expect(unsloth.incomplete.isEmpty)
  }

  @Test func numberedWeightsOfAnotherShapeDoNotCount() async throws {
    try await withTemporaryDirectory { outputs in
      let run = outputs.appending("run")
      try write(config(iters: 30, saveEvery: 10), to: run.appending("adapter_config.json"))
      try write(Sample.safetensors(Sample.mlx(layers: [0, 1], rank: 4)), to: run.appending(Self.numbered(30)))
      try write(Sample.safetensors(Sample.mlx(layers: [0, 1])), to: run.appending(Self.latest))
      let reading = try AdapterReader(outputs: outputs).read(run: run)
      #expect(reading.states.map(\.step) == [nil])
      #expect(reading.incomplete.map(\.kind) == [.waitsFor("a numbered copy")])
    }
  }

  // MARK: trainer_state.json

  /// Reads `checkpoint-7` with this trainer_state.json, written at that many seconds; the weights at 0.
  private func checkpoint(_ trainerState: String, _ time: Double = 0, _ name: String = "checkpoint-7") async throws
    -> RunReading
  {
    try await withTemporaryDirectory { outputs in
      let directory = outputs.appending("run").appending(name)
      let config: JSON = ["peft_type": "LORA", "r": .number(8)]
      try write(config, to: directory.appending("adapter_config.json"))
      try write(Sample.safetensors(Sample.peft(layers: [0])), to: directory.appending("adapter_model.safetensors"))
      try write(trainerState, to: directory.appending("trainer_state.json"))
      try setAllModified(directory, 0)
      try setModified(directory.appending("trainer_state.json"), time)
      return try AdapterReader(outputs: outputs).read(run: outputs.appending("run"))
    }
  }

  @Test func aLossThatRanAwayIsNoFault() async throws {
    let state = #"{"global_step": 7, "max_steps": 7, "log_history": [{"loss": NaN}, {"loss": Infinity}]}"#
    let reading = try await checkpoint(state)
    #expect(reading.incomplete.isEmpty)
    #expect(reading.states.map(\.endIsProven) == [true])
    #expect(reading.states.map(\.isFinal) == [true])
    #expect(reading.states.map(\.step) == [7])
  }

  @Test(arguments: ["", "{\"global_step\": 7", "[]"]) func aTornTrainerStateIsWaitedFor(text: String) async throws {
    let reading = try await checkpoint(text)
    #expect(reading.incomplete.map(\.kind) == [.waitsFor("trainer_state.json")])
    #expect(reading.states.map(\.endIsProven) == [false])
    #expect(reading.states.map(\.step) == [7])
  }

  @Test func anEarlierTrainingsStateProvesNothing() async throws {
    let state = #"{"global_step": 7, "max_steps": 7, "log_history": []}"#
    let stale = try await checkpoint(state, -60)
    #expect(stale.incomplete.map(\.kind) == [.waitsFor("trainer_state.json")])
    #expect(stale.states.map(\.isFinal) == [false])
    #expect(stale.states.first?.trainerState == nil)
    // What copying makes of the times is no proof of anything.
    #expect(try await checkpoint(state, -0.5).incomplete.isEmpty)
  }

  @Test func theEndOfATrainingHasTheStepOfItsLog() async throws {
    let end = try await checkpoint(#"{"global_step": 12, "max_steps": 12, "best_model_checkpoint": null}"#, 0, "final")
    #expect(end.states.map(\.step) == [12])
    #expect(end.states.map(\.isFinal) == [true])
    // More may be written after it there: a model card.
    #expect(end.states.map(\.endIsProven) == [false])
    let best = #"{"global_step": 12, "max_steps": 12, "best_model_checkpoint": "out/checkpoint-4"}"#
    #expect(try await checkpoint(best, 0, "final").states.map(\.step) == [nil])
  }

  @Test func whatTheUserWroteComesFromTheRunsOwnDirectory() async throws {
    try await withTemporaryDirectory { outputs in
      let run = outputs.appending("run")
      try copyTree(Fixtures.outputs("mlx-lora"), to: run)
      try write(["license": "mit"], to: run.appending("run_meta.json"))
      for name in ["README.md", "USAGE.md", "notes.md", ".env"] { try write("x", to: run.appending(name)) }
      try write("y", to: run.pushing("adapters/README.md"))
      let reader = AdapterReader(outputs: outputs)
      let state = try #require(try reader.read(run: run).states.first)
      #expect(state.files.map(\.name) == ["README.md", "USAGE.md", "adapter_config.json", "run_meta.json"].sorted())
      #expect(state.files.first { $0.name == "README.md" }?.path == run.pushing("adapters/README.md"))
      #expect(state.runMeta?["license"] == "mit")
      try write(["license": "apache-2.0"], to: run.pushing("adapters/run_meta.json"))
      let nearer = try #require(try reader.read(run: run).states.first)
      #expect(nearer.runMeta?["license"] == "apache-2.0")
      #expect(nearer.files.first { $0.name == "run_meta.json" }?.path == run.pushing("adapters/run_meta.json"))
    }
  }
}
