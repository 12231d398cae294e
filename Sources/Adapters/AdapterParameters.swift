/// What a run's own files say of how the adapter was made. What they do not say is `nil`.
///
/// Where each value comes from differs by trainer; nothing is guessed.
package struct AdapterParameters: Sendable, Equatable {
  /// `lora` or `dora`.
  package let adapterType: String
  package let rank: Int?
  package let alpha: Double?
  /// What the low-rank product is multiplied by.
  package let scale: Double?
  package let dropout: Double?
  /// Iterations or optimizer steps.
  package let trainingIterations: Int?
  /// As the Hub names tasks, e.g. `text-generation`.
  package let task: String?
  /// As the trainer was given it: a Hub id or a path.
  package let baseModel: String?
  /// As the trainer was given it: a Hub id or a path.
  package let dataset: String?

  package init(of state: AdapterState) {
    self.init(format: state.format, config: state.config, header: state.header, step: state.step)
  }

  init(format: AdapterFormat, config: JSON, header: SafetensorsHeader, step: Int?) {
    let tensors = LoRATensors(header)
    adapterType = tensors?.hasMagnitudes == true ? "dora" : "lora"
    trainingIterations = step
    switch format {
    case .mlx:
      // mlx-vlm writes the parameters at the top, and multiplies by what it calls alpha.
      let isVision = config["lora_parameters"] == nil && config["rank"] != nil
      let parameters = config["lora_parameters"] ?? config
      rank = parameters["rank"]?.int ?? tensors?.modules.first.flatMap { $0.a.count == 2 ? $0.a[1] : nil }
      let alpha = parameters["alpha"]?.double
      scale = parameters["scale"]?.double ?? (isVision ? alpha : nil)
      // mlx-lm has had no alpha since 2024; what other trainers call so is the scale times the rank.
      self.alpha = alpha ?? Self.product(scale, rank)
      dropout = parameters["dropout"]?.double
      task = isVision ? "image-text-to-text" : "text-generation"
      baseModel = (config["model"] ?? config["base_model_name_or_path"])?.string
      dataset = (config["hf_dataset"]?["path"] ?? config["data"])?.string
    case .peft:
      rank = config["r"]?.int ?? tensors?.modules.first?.a[0]
      alpha = config["lora_alpha"]?.double
      let divisor = rank.map { config["use_rslora"]?.bool == true ? Double($0).squareRoot() : Double($0) }
      scale = if let alpha, let divisor, divisor > 0 { alpha / divisor } else { nil }
      dropout = config["lora_dropout"]?.double
      task = config["task_type"]?.string.flatMap { Self.tasks[$0] }
      baseModel = config["base_model_name_or_path"]?.string
      dataset = nil
    }
  }

  private static func product(_ scale: Double?, _ rank: Int?) -> Double? {
    guard let scale, let rank else { return nil }
    return scale * Double(rank)
  }

  /// PEFT's `TaskType` in the Hub's words. `SEQ_2_SEQ_LM` can be one of several: only the user knows.
  private static let tasks = [
    "CAUSAL_LM": "text-generation", "SEQ_CLS": "text-classification", "TOKEN_CLS": "token-classification",
    "QUESTION_ANS": "question-answering", "FEATURE_EXTRACTION": "feature-extraction",
  ]
}
