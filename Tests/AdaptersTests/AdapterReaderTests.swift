import Adapters
import Foundation
import Kernel
import SystemPackage
import TestSupport
import Testing
import TrainingReplay

/// The runs as trainers leave them, and on the way there.
@Suite struct AdapterReaderTests {
  /// Reads the run that `directory` of `outputs` belongs to.
  private func reading(_ outputs: FilePath, _ directory: String) throws -> RunReading {
    let reader = AdapterReader(outputs: outputs)
    return try reader.read(run: reader.run(of: outputs.pushing(FilePath(directory))))
  }

  private func player(_ session: String, _ target: FilePath) throws -> Player {
    let recording = try Recording(named: session, in: Fixtures.sessions)
    return Player(recording, data: Fixtures.root, target: target, options: .init(speed: 0))
  }

  @Test func aFinishedMLXRunIsOneState() throws {
    let outputs = Fixtures.outputs("mlx-lora")
    let reading = try reading(outputs, "adapters")
    #expect(reading.incomplete.isEmpty)
    #expect(reading.refusals.isEmpty)
    let state = try #require(reading.states.first)
    #expect(reading.states.count == 1)
    #expect(state.format == .mlx)
    #expect(state.directory == outputs.appending("adapters"))
    #expect(state.run == outputs)
    #expect(state.weights.name == "adapters.safetensors")
    #expect(state.weightsName == "adapters.safetensors")
    #expect(state.step == 30)
    #expect(state.isFinal)
    #expect(!state.endIsProven)
    #expect(state.twin == nil)
    #expect(state.files.map(\.name) == ["adapter_config.json"])
    #expect(state.configBytes == (try contents(outputs.pushing("adapters/adapter_config.json"))))
    #expect(state.weights.identity == (try FileIdentity(of: outputs.pushing("adapters/adapters.safetensors"))))
  }

  @Test(arguments: ["peft-lora", "peft-lora-old"]) func aFinishedPEFTRunIsFourStates(name: String) async throws {
    try await withTemporaryDirectory { outputs in
      let run = outputs.appending("run1")
      try copyTree(Fixtures.outputs(name).appending("run1"), to: run)
      for (index, part) in ["checkpoint-10", "checkpoint-20", "checkpoint-30", "final"].enumerated() {
        try setAllModified(run.appending(part), Double(index) * 60)
      }
      let reading = try reading(outputs, "run1/final")
      #expect(reading.incomplete.isEmpty)
      #expect(reading.refusals.isEmpty)
      let parts = reading.states.compactMap { $0.directory.lastComponent?.string }
      #expect(parts == ["final", "checkpoint-30", "checkpoint-20", "checkpoint-10"])
      #expect(reading.states.map(\.step) == [nil, 30, 20, 10])
      #expect(reading.states.map(\.isFinal) == [true, true, false, false])
      #expect(reading.states.map(\.endIsProven) == [true, true, true, true])
      #expect(reading.states.allSatisfy { $0.format == .peft && $0.run == run })
      let final = try #require(reading.states.first)
      #expect(final.twin?.weights == reading.states[1].weights)
      #expect(final.twin?.step == 30)
      #expect(final.trainerState == nil)
      // Nothing but what is on the list: no optimizer, no pickle.
      let tokenizer = ["tokenizer.json", "tokenizer_config.json"]
      let others = name == "peft-lora" ? ["chat_template.jinja"] : ["special_tokens_map.json"]
      #expect(final.files.map(\.name) == ["README.md", "adapter_config.json"] + others + tokenizer)
      #expect(reading.states[1].files.map(\.name) == final.files.map(\.name))
    }
  }

  @Test func whatTheTrainerSavesAtItsEndWaitsForTrainingArgumentsWhichComeLast() async throws {
    try await withTemporaryDirectory { outputs in
      let run = outputs.appending("run1")
      try copyTree(Fixtures.outputs("peft-lora").appending("run1"), to: run)
      try removeTree(run.pushing("final/training_args.bin"))
      let waiting = try reading(outputs, "run1/final")
      #expect(waiting.incomplete.map(\.kind) == [.waitsFor("training_args.bin")])
      let final = waiting.states.first { $0.directory.lastComponent == "final" }
      #expect(final?.endIsProven == false)
      // PEFT's own save_pretrained writes none: without checkpoints of the Trainer nobody waits for it.
      for step in [10, 20, 30] { try removeTree(run.appending("checkpoint-\(step)")) }
      let alone = try reading(outputs, "run1/final")
      #expect(alone.incomplete.isEmpty && alone.states.map(\.endIsProven) == [false])
    }
  }

  @Test func stepsOutdoTimesWithinOneTraining() async throws {
    try await withTemporaryDirectory { outputs in
      let run = outputs.appending("run1")
      try copyTree(Fixtures.outputs("peft-lora").appending("run1"), to: run)
      // As a copy may leave them: the newest first, the end in the middle.
      for (part, time) in [("checkpoint-30", 0), ("final", 0.1), ("checkpoint-10", 0.2), ("checkpoint-20", 0.3)] {
        try setAllModified(run.appending(part), time)
      }
      let parts = try reading(outputs, "run1").states.compactMap { $0.directory.lastComponent?.string }
      #expect(parts == ["final", "checkpoint-30", "checkpoint-20", "checkpoint-10"])
    }
  }

  @Test func aSecondTrainingsFirstCheckpointIsNewerThanTheFirstsLast() async throws {
    try await withTemporaryDirectory { outputs in
      let run = outputs.appending("run1")
      try copyTree(Fixtures.outputs("peft-lora").appending("run1"), to: run)
      for part in ["checkpoint-20", "checkpoint-30", "final"] { try setAllModified(run.appending(part), 0) }
      // Another training's log: the numbers differ.
      let path = run.pushing("checkpoint-10/trainer_state.json")
      let other = String(decoding: try contents(path), as: UTF8.self).replacingOccurrences(of: "5.6366", with: "7.5")
      try write(other, to: path)
      try setAllModified(run.appending("checkpoint-10"), 3600)
      let parts = try reading(outputs, "run1").states.compactMap { $0.directory.lastComponent?.string }
      #expect(parts == ["checkpoint-10", "final", "checkpoint-30", "checkpoint-20"])
    }
  }

  @Test(arguments: ["mlx", "mlx-rerun", "peft", "peft-old", "peft-limit2"])
  func whateverItsTrainerHasWrittenSoFarEachStateIsWhole(session: String) async throws {
    let known = try Set(
      ["mlx-lora", "mlx-lora-rerun", "peft-lora", "peft-lora-old"].flatMap { name in
        let root = Fixtures.outputs(name)
        return try FileManager.default.subpathsOfDirectory(atPath: root.string).filter { $0.hasSuffix(".safetensors") }
          .map { try contents(root.pushing(FilePath($0))) }
      })
    try await withTemporaryDirectory { outputs in
      var player = try player(session, outputs)
      var seen: Set<[UInt8]> = []
      while !player.isFinished {
        let operation = player.recording.operations[player.played]
        try await player.play(upTo: .operation(player.played + 1))
        // Nothing that is judged changes with the others.
        guard [".tmp", "adapter", "trainer_state"].contains(where: operation.path.contains) else { continue }
        for state in try reading(outputs, session.hasPrefix("mlx") ? "adapters" : "run1").states {
          let bytes = try contents(state.weights.path)
          #expect(known.contains(bytes))
          seen.insert(bytes)
        }
      }
      #expect(seen.count == (session == "mlx-rerun" ? 2 : 3))
    }
  }

  @Test func aSecondRunsConfigurationIsNotTakenForTheFirstsWeights() async throws {
    try await withTemporaryDirectory { outputs in
      var player = try player("mlx-rerun", outputs)
      try await player.play(upTo: .operation(0))
      #expect(try reading(outputs, "adapters").states.first?.step == 30)
      // Rank 4 beside weights of rank 8.
      try await player.play(upTo: .save(0))
      let between = try reading(outputs, "adapters")
      #expect(between.states.isEmpty)
      #expect(between.incomplete.map(\.kind) == [.disagrees])
      #expect(between.incomplete.first?.reason.contains("rank 4") == true)
      // The first run's 30th file is still there.
      try await player.play(upTo: .save(1))
      let first = try reading(outputs, "adapters")
      #expect(first.states.map(\.step) == [10])
      #expect(first.states.first?.isFinal == false)
      #expect(first.incomplete.isEmpty)
      try await player.play()
      let last = try reading(outputs, "adapters")
      #expect(last.states.map(\.step) == [20])
      #expect(last.states.first?.isFinal == true)
    }
  }

  @Test func aTornRewriteLeavesTheNumberedStateToPublish() async throws {
    try await withTemporaryDirectory { outputs in
      var player = try player("mlx", outputs)
      // In the middle of the second save.
      try await player.play(upTo: .operation(75))
      let reading = try reading(outputs, "adapters")
      #expect(reading.incomplete.map(\.kind) == [.torn])
      let state = try #require(reading.states.first)
      #expect(reading.states.count == 1)
      #expect(state.weights.name == "0000010_adapters.safetensors")
      #expect(state.weightsName == "adapters.safetensors")
      #expect(state.step == 10)
      #expect(!state.isFinal)
    }
  }

  @Test func aTrainingThatHasNotSavedYetIsMissingItsWeights() async throws {
    try await withTemporaryDirectory { outputs in
      var player = try player("mlx", outputs)
      try await player.play(upTo: .save(0))
      let reading = try reading(outputs, "adapters")
      #expect(reading.states.isEmpty)
      #expect(reading.incomplete.map(\.kind) == [.missing("adapters.safetensors")])
    }
  }

  @Test func aCheckpointWaitsForWhatItsTrainerWritesLast() async throws {
    try await withTemporaryDirectory { outputs in
      var player = try player("peft", outputs)
      let operations = player.recording.operations
      let configuration = try #require(operations.firstIndex { $0.path.hasSuffix("adapter_config.json") })
      try await player.play(upTo: .operation(configuration))
      #expect(try reading(outputs, "run1").incomplete.map(\.kind) == [.missing("adapter_config.json")])
      let last = try #require(operations.firstIndex { $0.path.hasSuffix("trainer_state.json") })
      try await player.play(upTo: .operation(last))
      let before = try reading(outputs, "run1")
      #expect(before.incomplete.map(\.kind) == [.waitsFor("trainer_state.json")])
      // Listed nevertheless, for who does not want to wait any more.
      #expect(before.states.map(\.step) == [10])
      #expect(before.states.map(\.endIsProven) == [false])
      try await player.play(upTo: .save(1))
      let after = try reading(outputs, "run1")
      #expect(after.incomplete.isEmpty)
      #expect(after.states.map(\.endIsProven) == [true])
    }
  }

  @Test func aDeletedCheckpointIsAsIfItHadNotBeen() async throws {
    try await withTemporaryDirectory { outputs in
      var player = try player("peft-limit2", outputs)
      try await player.play()
      let reading = try reading(outputs, "run1")
      let parts = reading.states.compactMap { $0.directory.lastComponent?.string }
      #expect(parts == ["final", "checkpoint-30", "checkpoint-20"])
      #expect(reading.incomplete.isEmpty)
      #expect(reading.refusals.isEmpty)
      let gone = AdapterReader(outputs: outputs)
      #expect(try gone.read(run: outputs.appending("nothing")) == RunReading())
    }
  }

  @Test func outputsThatAreNotThereAreAnError() {
    let reader = AdapterReader(outputs: "/nonexistent/outputs")
    let error = #expect(throws: SystemError.self) { try reader.read(run: "/nonexistent/outputs") }
    #expect(error?.errno == .noSuchFileOrDirectory)
  }

  @Test(arguments: [
    ("adapters", ""), ("run1/final", "run1"), ("run1/checkpoint-10", "run1"), ("run1/adapters/checkpoint-5", "run1"),
    ("a/b", "a/b"), ("", ""), ("a/checkpoint-x", "a/checkpoint-x"), ("final/final", ""),
    ("a/checkpoint-", "a/checkpoint-"),
  ]) func aRunIsTheNearestDirectoryThatIsNoPartOfOne(directory: String, run: String) {
    for outputs: FilePath in ["/srv/outputs", "/srv/adapters", "relative/outputs"] {
      let reader = AdapterReader(outputs: outputs)
      #expect(reader.run(of: outputs.pushing(FilePath(directory))) == outputs.pushing(FilePath(run)))
    }
  }

  @Test func aRunHasANameAndAPath() {
    let reader = AdapterReader(outputs: "/srv/outputs")
    #expect(reader.name(of: "/srv/outputs/a/b") == "b")
    #expect(reader.path(of: "/srv/outputs/a/b") == "a-b")
    #expect(reader.name(of: "/srv/outputs") == "outputs")
    #expect(reader.path(of: "/srv/outputs") == "outputs")
    #expect(reader.name(of: FilePath(bytes: Array("/srv/outputs/x".utf8) + [0xFF, 0x0A])) == "x\\xff\\x0a")
  }

  @Test func whatIsExcludedIsNotEntered() async throws {
    try await withTemporaryDirectory { outputs in
      try copyTree(Fixtures.outputs("peft-lora").appending("run1"), to: outputs.appending("run1"))
      let reader = AdapterReader(outputs: outputs) { $0.lastComponent == "checkpoint-30" }
      let states = try reader.read(run: outputs.appending("run1")).states
      let parts = states.compactMap { $0.directory.lastComponent?.string }
      #expect(Set(parts) == ["final", "checkpoint-10", "checkpoint-20"])
    }
  }
}
