import Adapters

/// What is known of an adapter, in the order and under the keys of `config.json`. A key whose value is not known is not
/// there: nothing is guessed.
package struct AdapterRecord: Sendable, Equatable {
  /// The keys, in the order in which they are written.
  package static let keys = [
    "model_type", "adapter_type", "base_model", "base_model_reference", "task", "framework", "lora_rank", "lora_alpha",
    "lora_scale", "lora_dropout", "trained_on", "training_samples", "training_iterations", "model_name", "description",
    "license",
  ]

  private var values: [String: JSON]

  package init(_ values: [String: JSON]) {
    self.values = values.filter { Self.keys.contains($0.key) && $0.value != .null }
  }

  package subscript(key: String) -> JSON? { values[key] }

  func text(_ key: String) -> String? { values[key]?.string }

  /// The record as `config.json` has it.
  package var json: JSON.Object {
    JSON.Object(Self.keys.compactMap { key in values[key].map { .init(key: key, value: $0) } })
  }
}

extension AdapterRecord {
  /// Puts together what the sources say, the surest first: the user's configuration, the run's own files, the card that
  /// the user keeps, the base model's files in the local Hub cache.
  ///
  /// - Parameters:
  ///   - state: The adapter as it lies there.
  ///   - step: Its iterations, if they are known for certain.
  ///   - settings: The user's overrides and the repo's name.
  ///   - card: The front matter of the card that the user keeps.
  ///   - cache: Where the base model may be found.
  init(state: AdapterState, step: Int?, settings: BundleSettings, card: FrontMatter?, cache: BaseModelCache) {
    let parameters = AdapterParameters(of: state)
    let meta = state.runMeta
    var values: [String: JSON] = [:]
    func known(_ key: String, _ candidates: JSON?...) {
      values[key] = ([settings.metadata[key]] + candidates).compactMap { $0 }.first { $0 != .null }
    }
    func hubID(_ text: String?) -> JSON? { text.flatMap(Self.hubID(in:)).map { .string($0) } }

    known("adapter_type", .string(parameters.adapterType))
    known(
      "base_model", hubID(parameters.baseModel), hubID(meta?["base_model"]?.string),
      hubID(card?.strings("base_model").first))
    let base = values["base_model"]?.string.flatMap { cache.model($0) }
    known("model_type", meta?["model_type"], base?.modelType.map { .string($0) })
    known("base_model_reference", hubID(meta?["base_model_reference"]?.string), hubID(base?.reference))
    known(
      "task", parameters.task.map { .string($0) }, meta?["task"],
      card?.strings("pipeline_tag").first.map { .string($0) })
    known("framework", .string(state.format.rawValue))
    known("lora_rank", parameters.rank.map { .number($0) })
    let rank = values["lora_rank"]?.double
    // A scale and an alpha that contradict each other would mislead whoever reads them: one that the user gives
    // determines the other.
    let givenAlpha = settings.metadata["lora_alpha"]?.double
    let givenScale = settings.metadata["lora_scale"]?.double
    let alpha = givenAlpha ?? zip(givenScale, rank).map { $0 * $1 } ?? parameters.alpha
    let scale = givenScale ?? zip(givenAlpha, rank).map { $0 / $1 } ?? parameters.scale
    known("lora_alpha", alpha.map { $0.rounded() == $0 && abs($0) < 1e15 ? .number(Int($0)) : .number($0) })
    known("lora_scale", scale.map { .number($0) })
    known("lora_dropout", parameters.dropout.map { .number($0) })
    known("trained_on", hubID(parameters.dataset), meta?["trained_on"], hubID(card?.strings("datasets").first))
    known("training_samples", meta?["training_samples"])
    known("training_iterations", step.map { .number($0) }, meta?["training_iterations"])
    known("model_name", meta?["model_name"], .string(settings.modelName))
    known(
      "license", meta?["license"], card?.strings("license").first.map { .string($0) },
      base?.license.map { .string($0) })
    known("description", meta?["description"], Self.description(values).map { .string($0) })
    // What a run's own files say in free text may name this machine's folders.
    self.init(values.mapValues { Redaction.redacted($0, base: nil) })
  }

  /// One sentence from what is known; none when that is nothing beyond the type.
  private static func description(_ values: [String: JSON]) -> String? {
    func name(_ key: String) -> String? { values[key]?.string?.split(separator: "/").last.map(String.init) }
    guard let base = name("base_model_reference") ?? name("base_model") else { return nil }
    let type = values["adapter_type"]?.string == "dora" ? "DoRA" : "LoRA"
    let data = name("trained_on").map { " trained on \($0)" } ?? ""
    return "\(type) adapter for \(base)\(data)."
  }

  /// The Hub id in what a trainer calls a model: the id itself, or a path into the Hub's cache, which holds it.
  static func hubID(in text: String) -> String? {
    if LocalPaths.isHubID(text) { return text }
    for part in text.split(separator: "/") where part.hasPrefix("models--") {
      let id = part.dropFirst("models--".count).split(separator: "--", maxSplits: 1).joined(separator: "/")
      if LocalPaths.isHubID(id) { return id }
    }
    return nil
  }
}

/// Both or nothing.
private func zip<A, B>(_ a: A?, _ b: B?) -> (A, B)? {
  guard let a, let b else { return nil }
  return (a, b)
}
