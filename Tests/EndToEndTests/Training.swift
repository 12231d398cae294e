import Adapters
import Foundation
import Kernel
import SystemPackage
import TestSupport
import Testing
import TrainingReplay

/// A recorded training, and what of it may be published.
struct Training: Sendable, CustomTestStringConvertible {
  let session: String
  /// The fixture that its bytes come from.
  let fixture: String
  /// The weights that it ends with, in the fixture.
  let final: String
  let weightsName: String
  let iterations: Int

  var testDescription: String { session }

  static let all = [
    Training(
      session: "mlx", fixture: "mlx-lora", final: "adapters/adapters.safetensors",
      weightsName: "adapters.safetensors", iterations: 30),
    Training(
      session: "mlx-rerun", fixture: "mlx-lora-rerun", final: "adapters/adapters.safetensors",
      weightsName: "adapters.safetensors", iterations: 20),
    Training(
      session: "peft", fixture: "peft-lora", final: "run1/final/adapter_model.safetensors",
      weightsName: "adapter_model.safetensors", iterations: 30),
    Training(
      session: "peft-old", fixture: "peft-lora-old", final: "run1/final/adapter_model.safetensors",
      weightsName: "adapter_model.safetensors", iterations: 30),
    Training(
      session: "peft-limit2", fixture: "peft-lora", final: "run1/final/adapter_model.safetensors",
      weightsName: "adapter_model.safetensors", iterations: 30),
  ]

  func player(into target: FilePath, _ options: Player.Options = .init()) throws -> Player {
    Player(
      try Recording(named: session, in: Fixtures.sessions), data: Fixtures.root, target: target, options: options)
  }

  var finalWeights: [UInt8] {
    get throws { try contents(Fixtures.outputs(fixture).appending(final)) }
  }

  /// All the weights that were ever whole in this training, the first run's for a second one as well.
  var wholeWeights: Set<[UInt8]> {
    get throws {
      var whole: Set<[UInt8]> = []
      for root in [Fixtures.outputs(fixture)] + (session == "mlx-rerun" ? [Fixtures.outputs("mlx-lora")] : []) {
        for case let path as String in FileManager.default.enumerator(atPath: root.string) ?? .init()
        where path.hasSuffix(".safetensors") {
          whole.insert(try contents(root.appending(path)))
        }
      }
      return whole
    }
  }

  /// Checks that a commit was whole when it was made: weights that the trainer once finished, beside a configuration of
  /// the same rank, and the file that counts.
  func expectWhole(_ files: [String: [UInt8]]) throws {
    let weights = try #require(files[weightsName])
    #expect(try wholeWeights.contains(weights))
    let isMLX = weightsName == "adapters.safetensors"
    #expect((files["config.json"] != nil) == isMLX)
    for name in ["README.md", "MODEL_CARD.md", "USAGE.md", "LICENSE-THIRD-PARTY.md", "run_meta.json"] {
      #expect(files[name]?.isEmpty == false, "\(name) is missing")
    }
    let config = try JSON(parsing: try #require(files["adapter_config.json"]))
    let rank = config["lora_parameters"]?["rank"]?.int ?? config["r"]?.int
    // The length of a header's JSON and a name of a tensor with its shape say the rank of the weights.
    let length = weights.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try JSON(parsing: weights[8..<(8 + length)])
    let tensor = try #require(
      header.object?.members.first { $0.key.hasSuffix("q_proj.lora_a") || $0.key.hasSuffix("q_proj.lora_A.weight") })
    let shape = try #require(tensor.value["shape"]?.array)
    #expect(shape[isMLX ? 1 : 0].int == rank)
  }
}

/// How a recording is played.
enum Pace: String, CaseIterable, Sendable {
  /// As it was recorded.
  case recorded
  /// With 0.2 s between the writes of a file: long torn windows.
  case slowWrites
  /// With 3 s before each save.
  case slowSaves

  var options: Player.Options {
    switch self {
    case .recorded: .init()
    case .slowWrites: .init(writeGap: .milliseconds(200))
    case .slowSaves: .init(saveGap: .seconds(3))
    }
  }
}
