import Adapters

/// The only names that ever leave the machine.
///
/// A list of what may, not of what may not: optimizer state, pickles, `.env` and whatever a trainer invents next stay
/// at home without anybody having thought of them.
package enum AllowList {
  /// Whether a file of this name may be published.
  package static func permits(_ name: String) -> Bool {
    Companions.tokenizer.contains(name) || Companions.descriptions.contains(name) || made.contains(name)
  }

  /// The weights under the trainers' own names, and what describes them.
  private static let made: Set<String> = [
    AdapterFormat.mlx.weightsName, AdapterFormat.peft.weightsName, "adapter_config.json", "config.json",
  ]
}
