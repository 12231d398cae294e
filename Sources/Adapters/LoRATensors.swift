/// The low-rank matrices in a file of weights, as their names and shapes give them away.
struct LoRATensors {
  /// A layer of the model that was adapted: a pair of matrices.
  struct Module {
    /// The layer's name in the model.
    let name: String
    /// The shape of the matrix that is applied first, and of the other.
    let a: [Int]
    let b: [Int]
  }

  let format: AdapterFormat
  let modules: [Module]
  /// Whether there are DoRA's magnitudes as well.
  let hasMagnitudes: Bool

  /// - Returns: `nil` if there is no pair of low-rank matrices in `header`.
  init?(_ header: SafetensorsHeader) {
    // The first that fits: how each trainer names the two matrices.
    let namings: [(format: AdapterFormat, a: String, b: String)] = [
      (.mlx, ".lora_a", ".lora_b"), (.peft, ".lora_A.weight", ".lora_B.weight"),
      (.peft, ".lora_embedding_A", ".lora_embedding_B"),
      (.mlx, ".A", ".B"),  // mlx-vlm
    ]
    let shapes = Dictionary(header.tensors.map { ($0.name, $0.shape) }) { first, _ in first }
    var format: AdapterFormat?
    var modules: [Module] = []
    for naming in namings where format == nil || naming.format == format {
      for tensor in header.tensors where tensor.name.hasSuffix(naming.a) {
        let name = String(tensor.name.dropLast(naming.a.count))
        guard let b = shapes[name + naming.b], tensor.shape.count > 1, b.count > 1 else { continue }
        format = naming.format
        modules.append(Module(name: name, a: tensor.shape, b: b))
      }
    }
    guard let format else { return nil }
    self.format = format
    self.modules = modules
    switch format {
    case .mlx: hasMagnitudes = modules.contains { shapes[$0.name + ".m"] != nil }
    case .peft: hasMagnitudes = header.tensors.contains { $0.name.contains(".lora_magnitude_vector") }
    }
  }
}

extension LoRATensors.Module {
  /// Whether the pair can be of this rank. MLX has the matrices (in, r) and (r, out), for a mixture of experts
  /// (experts, r, in) and (experts, out, r), once (experts × r, in); PEFT has (r, in, …).
  func hasRank(_ rank: Int, in format: AdapterFormat) -> Bool {
    switch format {
    case .mlx: a[1] == rank || b.count == 3 && b[2] == rank
    case .peft: a[0] == rank
    }
  }

  /// The place in the stack of the model's layers, if the name has one: `model.layers.12.mlp…` → `model.layers`, 12.
  var layer: (stack: String, index: Int)? {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    for (position, part) in parts.enumerated() where position > 0 {
      guard ["layers", "layer", "h", "blocks", "block"].contains(parts[position - 1]), let index = Int(part) else {
        continue
      }
      return (parts[..<position].joined(separator: "."), index)
    }
    return nil
  }
}
