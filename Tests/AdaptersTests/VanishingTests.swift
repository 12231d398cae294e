import Kernel
import SystemPackage
import TestSupport
import Testing

@testable import Adapters

/// What was listed, and is gone when it is opened.
@Suite struct VanishingTests {
  /// What may have happened to a run's directory in the moment between.
  enum Change: CaseIterable {
    case deleted, replacedByAFile
  }

  @Test(arguments: Change.allCases) func whatIsGoneMeanwhileIsAsIfItHadNotBeen(change: Change) async throws {
    try await withTemporaryDirectory { outputs in
      let run = outputs.appending("run")
      try copyTree(Fixtures.outputs("mlx-lora").appending("adapters"), to: run)
      try write("what it can do", to: run.appending("README.md"))
      let tree = try ConfinedTree(at: outputs)
      let directory = RunDirectory(run, run: run)
      var reading = RunReading()
      let entries = try directory.list(in: tree, refusals: &reading.refusals)
      guard
        case .value(let config, _, let file) = try JSONFile.read(
          "adapter_config.json", of: directory, entries, limit: JSONFile.usualLimit, in: tree)
      else {
        Issue.record("no configuration")
        return
      }
      let shared = RunDirectory.Shared()
      #expect(try directory.companions(entries, config: file, shared, in: tree).map(\.name).contains("README.md"))
      #expect(try directory.weights("adapters.safetensors", .mlx, config, in: tree, into: &reading) != nil)

      try removeTree(run)
      if change == .replacedByAFile { try write("", to: run) }
      #expect(try directory.companions(entries, config: file, shared, in: tree) == [file])
      #expect(try directory.weights("adapters.safetensors", .mlx, config, in: tree, into: &reading) == nil)
      #expect(try directory.runMeta(entries, in: tree, reading: &reading) == nil)
      let again = try JSONFile.read(
        "adapter_config.json", of: directory, entries, limit: JSONFile.usualLimit, in: tree)
      guard case .missing = again else {
        Issue.record("\(again)")
        return
      }
      #expect(reading.refusals.isEmpty)
    }
  }
}
