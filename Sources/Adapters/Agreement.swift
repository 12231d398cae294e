/// Whether a configuration and weights can be of the same training.
///
/// A second run of mlx-lm in the same directory puts its configuration beside the old weights, for as long as its first
/// iterations take; loaders refuse such a pair, or, worse, load it.
enum Agreement {
  /// What `config` and the weights say differently, in words; `nil` if they agree as far as one can tell.
  static func disagreement(of config: JSON, _ tensors: LoRATensors) -> String? {
    switch tensors.format {
    case .mlx: mlx(config, tensors)
    case .peft: peft(config, tensors)
    }
  }

  private static func mlx(_ config: JSON, _ tensors: LoRATensors) -> String? {
    // mlx-vlm has the parameters at the top.
    guard let rank = (config["lora_parameters"]?["rank"] ?? config["rank"])?.int else {
      return "adapter_config.json says no rank"
    }
    if let module = tensors.modules.first(where: { !$0.hasRank(rank, in: .mlx) }) {
      return "adapter_config.json says rank \(rank), but \(module.name) in the weights has \(module.a)"
    }
    switch config["fine_tune_type"]?.string {
    case "dora" where !tensors.hasMagnitudes: return "adapter_config.json says dora, but the weights are of lora"
    case "lora" where tensors.hasMagnitudes: return "adapter_config.json says lora, but the weights are of dora"
    default: break
    }
    return (config["num_layers"] ?? config["lora_layers"])?.int.flatMap { layers($0, config, tensors) }
  }

  /// mlx-lm adapts the last `count` layers of the model, all of them if it has fewer or if `count` is not positive.
  private static func layers(_ count: Int, _ config: JSON, _ tensors: LoRATensors) -> String? {
    let layers = tensors.modules.compactMap(\.layer)
    guard count > 0, Set(layers.map(\.stack)).count == 1 else { return nil }
    let indices = Set(layers.map(\.index))
    guard let first = indices.min(), let last = indices.max() else { return nil }
    let span = last - first + 1
    if span > count { return "adapter_config.json says \(count) layers, but the weights are of \(span)" }
    // Fewer are right if the model has no more, or if what is adapted is not in every layer; the latter can be where the
    // user names it.
    let everywhere = config["lora_parameters"]?["keys"] == nil && indices.count == span && span > 1
    if everywhere, first > 0, span < count {
      return "adapter_config.json says \(count) layers, but the weights are of the last \(span)"
    }
    return nil
  }

  private static func peft(_ config: JSON, _ tensors: LoRATensors) -> String? {
    if let r = config["r"]?.int {
      let ranks = Set([r] + (config["rank_pattern"]?.object?.members.compactMap(\.value.int) ?? []))
      // PEFT keeps a parameter's experts in one matrix: (experts × r, in).
      let ofParameters = config["target_parameters"]?.array?.isEmpty == false
      let odd = tensors.modules.first { module in
        !ranks.contains { module.hasRank($0, in: .peft) || ofParameters && $0 > 0 && module.a[0] % $0 == 0 }
      }
      if let odd { return "adapter_config.json says r \(r), but \(odd.name) in the weights has \(odd.a[0])" }
    }
    switch config["use_dora"]?.bool {
    case true? where !tensors.hasMagnitudes: return "adapter_config.json says use_dora, but the weights are of LoRA"
    case false? where tensors.hasMagnitudes: return "adapter_config.json says no use_dora, but the weights are of DoRA"
    default: break
    }
    guard config["layers_pattern"] == nil, let given = config["layers_to_transform"] else { return nil }
    let allowed = Set(given.int.map { [$0] } ?? given.array?.compactMap(\.int) ?? [])
    let odd = tensors.modules.compactMap(\.layer).first { !allowed.contains($0.index) }
    return odd.map { "adapter_config.json leaves out layer \($0.index), but the weights have it" }
  }
}
