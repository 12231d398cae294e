import Foundation
import Kernel
import SystemPackage
import TestSupport
import Testing
import TrainingReplay

@Suite struct PlayerTests {
  private static let sessions = ["mlx", "mlx-rerun", "peft", "peft-old", "peft-limit2"]

  private func player(_ session: String, into target: FilePath, _ options: Player.Options) throws -> Player {
    Player(
      try Recording(named: session, in: Fixtures.sessions), data: Fixtures.root, target: target, options: options)
  }

  /// Every file below `directory`, by its path below it.
  private func tree(_ directory: FilePath) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: directory.string) {
      let path = directory.appending(name)
      if try FileIdentity(of: path).isRegularFile { files[name] = try Data(contentsOf: URL(filePath: path.string)) }
    }
    return files
  }

  @Test(arguments: sessions) func playedToItsEndItLeavesWhatTheTrainerLeft(session: String) async throws {
    let payload = ["mlx": "mlx-lora", "mlx-rerun": "mlx-lora-rerun", "peft-old": "peft-lora-old"]
    try await withTemporaryDirectory { target in
      var player = try player(session, into: target, .init(speed: 0))
      try await player.play()
      #expect(player.isFinished)
      #expect(player.openFiles.isEmpty)
      var expected = try tree(Fixtures.outputs(payload[session, default: "peft-lora"]))
      if session == "peft-limit2" { expected = expected.filter { !$0.key.hasPrefix("run1/checkpoint-10/") } }
      #expect(!expected.isEmpty)
      let left = try tree(target)
      #expect(left.keys.sorted() == expected.keys.sorted())
      #expect(left == expected)
    }
  }

  @Test func theNamesAreThoseOfTheFiles() throws {
    #expect(try Recording.names(in: Fixtures.sessions) == Self.sessions.sorted())
  }

  @Test func aSaveEndsWhereTheTrainerPaused() throws {
    let recording = try Recording(named: "mlx", in: Fixtures.sessions)
    #expect(recording.saves == [4, 68, 132])
    #expect(recording.operationCount(afterSave: 0) == 4)
    #expect(recording.operationCount(afterSave: 1) == 68)
    #expect(recording.operationCount(afterSave: 3) == recording.operations.count)
  }

  @Test func itCanBePlayedSaveBySave() async throws {
    try await withTemporaryDirectory { target in
      var player = try player("mlx", into: target, .init(speed: 0))
      try await player.play(upTo: .save(0))
      #expect(try tree(target).keys.sorted() == ["adapters/adapter_config.json"])
      try await player.play(upTo: .save(1))
      let first = try tree(target)
      #expect(first["adapters/adapters.safetensors"] == first["adapters/0000010_adapters.safetensors"])
      try await player.play(upTo: .save(2))
      let second = try tree(target)
      #expect(second["adapters/adapters.safetensors"] == second["adapters/0000020_adapters.safetensors"])
      #expect(first["adapters/adapters.safetensors"] != second["adapters/adapters.safetensors"])
      #expect(!player.isFinished)
    }
  }

  @Test func stoppedInTheMiddleItLeavesATornFileOpen() async throws {
    try await withTemporaryDirectory { target in
      var player = try player("mlx", into: target, .init(speed: 0, stopAfter: 8))
      try await player.play()
      #expect(player.played == 8)
      #expect(player.isFinished)
      #expect(player.openFiles == ["adapters/adapters.safetensors"])
      // Opened, the 8 bytes of the length, the header, one tensor: as recorded.
      let torn = try #require(try tree(target)["adapters/adapters.safetensors"])
      #expect(torn.count == 8 + 2799 + 2048)
      let whole = try #require(try tree(Fixtures.outputs("mlx-lora"))["adapters/0000010_adapters.safetensors"])
      #expect(torn == whole.prefix(torn.count))
    }
  }

  @Test func aRenamedTemporaryFileHasItsFullSizeBeforeItsBytes() async throws {
    try await withTemporaryDirectory { target in
      var player = try player("peft", into: target, .init(speed: 0))
      try await player.play(upTo: .operation(7))
      let files = try tree(target)
      let temporary = try #require(files.first { $0.key.hasPrefix("run1/checkpoint-10/.tmp") })
      #expect(temporary.value == Data(count: 30704))
      try await player.play(upTo: .operation(9))
      let names = try tree(target).keys.sorted()
      #expect(names == ["README.md", "adapter_model.safetensors"].map { "run1/checkpoint-10/" + $0 })
      // The rename comes before the close.
      #expect(player.openFiles.count == 1)
    }
  }

  @Test func aSecondRunBeginsInWhatTheFirstLeftWithItsTimes() async throws {
    try await withTemporaryDirectory { target in
      var player = try player("mlx-rerun", into: target, .init(speed: 0))
      try await player.play(upTo: .operation(0))
      #expect(try tree(target) == tree(Fixtures.outputs("mlx-lora")))
      let name = "adapters/0000030_adapters.safetensors"
      let original = try FileIdentity(of: Fixtures.outputs("mlx-lora").pushing(FilePath(name)))
      #expect(try FileIdentity(of: target.pushing(FilePath(name))).modified == original.modified)
    }
  }

  @Test func aSecondRunCanBeginInNothing() async throws {
    try await withTemporaryDirectory { target in
      let adapters = target.appending("adapters")
      try makeDirectories(adapters)
      var player = try player("mlx-rerun", into: target, .init(speed: 0, noInit: true))
      try await player.play()
      #expect(try tree(adapters)["0000030_adapters.safetensors"] == nil)
      #expect(try tree(adapters)["0000020_adapters.safetensors"] != nil)
    }
  }

  @Test(.timeLimit(.minutes(10))) func theRecordedPaceIsKept() async throws {
    try await withTemporaryDirectory { target in
      var player = try player("mlx", into: target, .init(speed: 20))
      let began = ContinuousClock.now
      try await player.play()
      #expect(ContinuousClock.now - began >= player.recording.duration / 20)
    }
  }

  @Test(.timeLimit(.minutes(10))) func aSaveGapIsTheLeastPauseBeforeASave() async throws {
    try await withTemporaryDirectory { target in
      var player = try player("mlx", into: target, .init(speed: 0, saveGap: .milliseconds(200)))
      let began = ContinuousClock.now
      try await player.play()
      #expect(ContinuousClock.now - began >= .milliseconds(600))
    }
  }

  @Test func aRecordingThatIsNotThereIsSaid() {
    #expect(throws: ReplayError.self) { try Recording(named: "none", in: Fixtures.sessions) }
  }
}
