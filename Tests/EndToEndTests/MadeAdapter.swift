import Foundation
import Kernel
import SystemPackage
import TestSupport

/// A small adapter in mlx-lm's layout whose every byte of data says which version it is: a mixed file is recognised.
struct MadeAdapter: Sendable {
  let version: UInt8
  /// Bytes of data.
  var size = 1 << 16

  private static let rank = 8

  var weights: [UInt8] {
    let rows = size / 8 / Self.rank  // F32, two matrices of the same size
    let header = """
      {"__metadata__":{"version":"\(version)"},\
      "model.layers.0.self_attn.q_proj.lora_a":{"dtype":"F32","shape":[\(rows),\(Self.rank)],\
      "data_offsets":[0,\(size / 2)]},\
      "model.layers.0.self_attn.q_proj.lora_b":{"dtype":"F32","shape":[\(Self.rank),\(rows)],\
      "data_offsets":[\(size / 2),\(size)]}}
      """
    // As long for every version.
    let padded = header + String(repeating: " ", count: 512 - header.utf8.count)
    let length = UInt64(padded.utf8.count)
    return (0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) } + Array(padded.utf8)
      + [UInt8](repeating: version, count: size)
  }

  /// Of a training that saves once, at its end.
  static let configuration = """
    {"fine_tune_type": "lora", "iters": 10, "lora_parameters": {"dropout": 0.0, "rank": \(rank), "scale": 20.0},
     "model": "org/base", "num_layers": 1, "save_every": 100}
    """

  /// As Unsloth writes it on Apple silicon: after the weights, however long that takes.
  static let configurationAfterWeights = """
    {"base_model_name_or_path": "org/base", "fine_tune_type": "lora",
     "lora_parameters": {"dropout": 0.0, "rank": \(rank), "scale": 20.0}, "num_layers": 1, "peft_type": "LORA"}
    """

  static let weightsName = "adapters.safetensors"

  /// Writes configuration and weights, as mlx-lm does.
  func write(to directory: FilePath) throws {
    try TestSupport.write(Self.configuration, to: directory.appending("adapter_config.json"))
    try TestSupport.write(weights, to: directory.appending(Self.weightsName))
  }
}

extension StoreReader {
  /// The weights of every commit there ever was of a repo.
  func weights(_ repo: String) throws -> [[UInt8]] {
    try commits(repo).compactMap { $0[MadeAdapter.weightsName] }
  }
}

extension Site {
  /// Has one more adapter published, and returns when it is: the daemon has then looked at all that happened before.
  func sentinel(_ name: String, _ daemon: RunningProgram) async throws {
    try MadeAdapter(version: 255).write(to: outputs.appending(name))
    try await daemon.line(with: "published org/\(name)@")
  }
}
