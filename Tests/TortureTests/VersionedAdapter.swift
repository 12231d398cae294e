import Foundation

/// An adapter each byte of whose weights says which version it is of: what was put together of two is recognised.
struct VersionedAdapter: Equatable {
  enum Layout: CaseIterable, Equatable {
    case mlx, peft
  }

  let layout: Layout
  let version: Int
  let rank: Int

  var weightsName: String { layout == .mlx ? "adapters.safetensors" : "adapter_model.safetensors" }
  static let configName = "adapter_config.json"

  /// The byte that all data of this version consists of; never the zero of what was not written.
  private var byte: UInt8 { UInt8(version % 255 + 1) }

  /// As long as those of every other version of the same rank.
  var weights: [UInt8] {
    let width = 64
    let (a, b) = layout == .mlx ? ([width, rank], [rank, width]) : ([rank, width], [width, rank])
    let module = (layout == .mlx ? "" : "base_model.model.") + "model.layers.0.self_attn.q_proj"
    let names = layout == .mlx ? [".lora_a", ".lora_b"] : [".lora_A.weight", ".lora_B.weight"]
    let size = width * rank * 2
    func tensor(_ name: String, _ shape: [Int], from start: Int) -> String {
      "\"\(module)\(name)\":{\"dtype\":\"BF16\",\"shape\":\(shape),\"data_offsets\":[\(start),\(start + size)]}"
    }
    let header =
      "{\"__metadata__\":{\"version\":\"\(String(format: "%08d", version))\"},"
      + tensor(names[0], a, from: 0) + "," + tensor(names[1], b, from: size) + "}"
    let length = (0..<8).map { UInt8(truncatingIfNeeded: UInt64(header.utf8.count) >> ($0 * 8)) }
    return length + Array(header.utf8) + [UInt8](repeating: byte, count: 2 * size)
  }

  /// With PEFT's keys in that of MLX too, as Unsloth writes it, where it comes after the weights.
  var config: [UInt8] {
    let mlx =
      "\"fine_tune_type\": \"lora\", \"lora_parameters\": {\"rank\": \(rank), \"dropout\": 0.0, \"scale\": 20.0}"
    let peft = "\"peft_type\": \"LORA\", \"r\": \(rank), \"lora_alpha\": 16, \"task_type\": \"CAUSAL_LM\""
    let model = "\"base_model_name_or_path\": \"org/tiny\""
    return Array("{\n  \(model),\n  \(layout == .mlx ? mlx + ", " + peft : peft)\n}\n".utf8)
  }

  /// Which version published files are of.
  ///
  /// - Throws: ``Torn`` if they are not all of one.
  static func version(of files: [String: [UInt8]]) throws -> VersionedAdapter {
    func fail(_ reason: String) -> Torn { Torn(reason: reason) }
    guard let layout = Layout.allCases.first(where: { files[name(of: $0)] != nil }),
      let weights = files[name(of: layout)]
    else { throw fail("no weights") }
    let length = weights.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length < 10_000, weights.count > 8 + length else { throw fail("the header is cut off") }
    let header = try JSONDecoder().decode(Header.self, from: Data(weights[8..<(8 + length)]))
    guard let version = Int(header.metadata["version"] ?? "") else { throw fail("no version") }
    let config = try JSONDecoder().decode(Config.self, from: Data(files[configName] ?? []))
    let adapter = VersionedAdapter(layout: layout, version: version, rank: config.r)
    if let odd = weights[(8 + length)...].firstIndex(where: { $0 != adapter.byte }) {
      throw fail("version \(version), but byte \(odd) of \(weights.count) is \(weights[odd]), not \(adapter.byte)")
    }
    // The configuration says the rank, and all bytes follow from that.
    guard weights == adapter.weights else { throw fail("version \(version) is not of rank \(config.r)") }
    return adapter
  }

  struct Torn: Error {
    let reason: String
  }

  private static func name(of layout: Layout) -> String {
    VersionedAdapter(layout: layout, version: 0, rank: 1).weightsName
  }

  private struct Config: Decodable {
    let r: Int
  }

  private struct Header: Decodable {
    let metadata: [String: String]

    enum CodingKeys: String, CodingKey {
      case metadata = "__metadata__"
    }
  }
}
