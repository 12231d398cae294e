import Kernel
import SystemPackage

/// Which family of trainers and loaders an adapter belongs to.
package enum AdapterFormat: String, Sendable, Codable {
  /// `adapters.safetensors`, tensors `….lora_a`: mlx-lm, mlx-vlm, mlx-swift-lm, Unsloth on Apple silicon.
  case mlx
  /// `adapter_model.safetensors`, tensors `….lora_A.weight`: PEFT and all trainers that are built on it.
  case peft

  /// The name under which loaders look for the weights.
  package var weightsName: String {
    switch self {
    case .mlx: "adapters.safetensors"
    case .peft: "adapter_model.safetensors"
    }
  }
}

/// A file in the outputs, and what it looked like when it was judged: whoever reads it later can tell whether it is still
/// the same.
package struct SourceFile: Sendable, Hashable {
  package let path: FilePath
  package let identity: FileIdentity
  /// The last component, safe to print.
  package let name: String

  package init(path: FilePath, identity: FileIdentity) {
    self.path = path
    self.identity = identity
    name = path.lastComponent?.shown ?? ""
  }

  /// For who has the name already: taking a path apart costs more than all else here.
  init(path: FilePath, name: String, identity: FileIdentity) {
    self.path = path
    self.identity = identity
    self.name = name
  }
}

/// One whole state of an adapter, as it lies in the outputs.
package struct AdapterState: Sendable, Equatable {
  package let format: AdapterFormat
  /// Holds the weights.
  package let directory: FilePath
  /// The run whose state it is, see `AdapterReader.run(of:)`.
  package let run: FilePath
  package let weights: SourceFile
  package let header: SafetensorsHeader
  /// `adapter_config.json`.
  package let config: JSON
  /// `adapter_config.json` as it is written.
  package let configBytes: [UInt8]
  /// What else may go along: `adapter_config.json`, descriptions, tokenizer files. Sorted by name.
  package let files: [SourceFile]
  /// `trainer_state.json`, if one lies beside the weights that was written with them.
  package let trainerState: JSON?
  /// `run_meta.json`: the one beside the weights, else the one in the run's own directory.
  package let runMeta: JSON?
  /// How far the training was, in iterations or steps of the optimizer, where the files say it for certain.
  package let step: Int?
  /// Whether the training was over when it was written, as far as files can tell.
  package let isFinal: Bool
  /// Whether what its trainer writes last is there: then there is nothing more to wait for.
  package let endIsProven: Bool
  /// What may have the same weights and a known step; only set if ``step`` is not known.
  package let twin: Twin?

  /// The name under which the weights are published: the one that loaders look for.
  package var weightsName: String { format.weightsName }

  /// An older file whose weights have the same shape and size, so that they may be equal. Only their bytes can tell.
  package struct Twin: Sendable, Equatable {
    package let weights: SourceFile
    /// The step of the training that it was saved at.
    package let step: Int
  }
}
