/// Names of which few are what one expects, so that they often meet.
enum OddNames {
  /// For directories: parts of runs, runs, excluded ones, odd ones.
  static let directories: [[UInt8]] =
    ["a", "b", "c", "run-1", "run-2", "run-3", "adapters", "adapters", "final", "checkpoint-1", "checkpoint-20"]
    .map(bytes) + ["wandb", ".git", "global_step7"].map(bytes) + odd.dropLast()

  /// For files: what adapters consist of, what is ignored, what is neither.
  static let files: [[UInt8]] =
    ["file-1", "file-2", "file-3", "model.bin", "notes.txt", "a", "b", "wandb"].map(bytes)
    + ["adapters.safetensors", "adapter_model.safetensors", "adapter_config.json", "0000010_adapters.safetensors"]
    .map(bytes)
    + ["trainer_state.json", "training_args.bin", "run_meta.json", "README.md", "tokenizer.json"].map(bytes)
    + [".file.swp", "train.log", "x.tmp", "optimizer.pt", "backup~"].map(bytes) + odd

  /// Spaces, line ends, what is no UTF-8, the longest that there is, one letter in its two spellings.
  private static let odd: [[UInt8]] = [
    bytes("with space"), bytes(" "), bytes("line\nend"), bytes("-rf"), bytes("*"), bytes("\\"), [0xFF, 0xFE, 0x80],
    [0xC3], bytes("é"), bytes("e\u{301}"), [0x01, 0x1B, 0x7F],
    [UInt8](repeating: UInt8(ascii: "x"), count: 255), [UInt8](repeating: 0xE9, count: 255),
  ]

  private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
}
