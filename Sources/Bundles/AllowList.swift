/// The only names that ever leave the machine.
///
/// A list of what may, not of what may not: optimizer state, pickles, `.env` and whatever a trainer invents next stay
/// at home without anybody having thought of them.
package enum AllowList {
  /// Files that a trainer or its user wrote and that go along as they are.
  package static let tokenizer: Set<String> = [
    "added_tokens.json", "chat_template.jinja", "chat_template.json", "merges.txt", "special_tokens_map.json",
    "spiece.model", "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "vocab.json", "vocab.txt",
  ]

  /// Files that every bundle has or may have besides.
  package static let described: Set<String> = [
    "LICENSE-THIRD-PARTY.md", "MODEL_CARD.md", "README.md", "USAGE.md", "adapter_config.json", "config.json",
    "run_meta.json",
  ]

  /// The weights, under the trainers' own names.
  package static let weights: Set<String> = ["adapter_model.safetensors", "adapters.safetensors"]

  /// Whether a file of this name may be published.
  package static func permits(_ name: String) -> Bool {
    tokenizer.contains(name) || described.contains(name) || weights.contains(name)
  }
}
