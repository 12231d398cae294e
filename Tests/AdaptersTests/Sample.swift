import Adapters
import Foundation
import Kernel
import SystemPackage
import TestSupport

/// Files as trainers write them, for cases of which there is no recorded output.
enum Sample {
  /// A whole safetensors file with zeros for data.
  static func safetensors(_ tensors: [(name: String, shape: [Int])]) -> [UInt8] {
    var header = JSON.Object()
    var end = 0
    for (name, shape) in tensors {
      let size = shape.reduce(4, *)
      header[name] = [
        "dtype": .string("F32"), "shape": .array(shape.map { .number($0) }),
        "data_offsets": .array([.number(end), .number(end + size)]),
      ]
      end += size
    }
    return file(header: JSON.object(header).line, data: end)
  }

  /// A file with this header and so many zeros after it.
  static func file(header: String, data: Int) -> [UInt8] {
    let length = UInt64(header.utf8.count)
    let prefix = (0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) }
    return prefix + Array(header.utf8) + [UInt8](repeating: 0, count: data)
  }

  /// The pair of matrices that mlx-lm gives to each of these layers.
  static func mlx(layers: [Int], rank: Int = 8, dora: Bool = false) -> [(name: String, shape: [Int])] {
    layers.flatMap { layer in
      let name = "model.layers.\(layer).self_attn.q_proj"
      return [("\(name).lora_a", [64, rank]), ("\(name).lora_b", [rank, 64])] + (dora ? [("\(name).m", [64])] : [])
    }
  }

  /// The pair of matrices that PEFT gives to each of these layers.
  static func peft(layers: [Int], rank: Int = 8) -> [(name: String, shape: [Int])] {
    layers.flatMap { layer in
      let name = "base_model.model.model.layers.\(layer).self_attn.q_proj"
      return [("\(name).lora_A.weight", [rank, 64]), ("\(name).lora_B.weight", [64, rank])]
    }
  }
}

extension JSON: ExpressibleByDictionaryLiteral {
  package init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(Object(elements.map { Object.Member(key: $0.0, value: $0.1) }))
  }
}

/// Writes `json` to `path`, and makes the directories above it.
func write(_ json: JSON, to path: FilePath) throws {
  try write(json.serialized(), to: path)
}

/// Sets when the file was last written, in seconds from a fixed moment: what a reader goes by, without waiting.
func setModified(_ path: FilePath, _ seconds: Double) throws {
  let date = Date(timeIntervalSince1970: 1_700_000_000 + seconds)
  try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: path.string)
}

/// Gives every file below `directory` the same time.
func setAllModified(_ directory: FilePath, _ seconds: Double) throws {
  for name in try FileManager.default.subpathsOfDirectory(atPath: directory.string) {
    try setModified(directory.pushing(FilePath(name)), seconds)
  }
}

func link(_ path: FilePath, to target: FilePath) throws {
  try FileManager.default.createSymbolicLink(atPath: path.string, withDestinationPath: target.string)
}

extension JSON: ExpressibleByStringLiteral {
  package init(stringLiteral value: String) {
    self = .string(value)
  }
}
