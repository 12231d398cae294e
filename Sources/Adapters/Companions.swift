/// The files that may go along with weights, by name.
package enum Companions {
  /// What a tokenizer is loaded from, if it lies beside the weights.
  package static let tokenizer: Set<String> = [
    "added_tokens.json", "chat_template.jinja", "chat_template.json", "merges.txt", "special_tokens_map.json",
    "spiece.model", "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "vocab.json", "vocab.txt",
  ]

  /// What a user writes about an adapter, beside the weights or in the run's own directory.
  package static let descriptions: Set<String> = [
    "LICENSE-THIRD-PARTY.md", "MODEL_CARD.md", "README.md", "USAGE.md", "run_meta.json",
  ]
}
