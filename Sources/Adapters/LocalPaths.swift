/// Tells a path on this machine from the name of something on the Hub, as trainers write both into the same field.
package enum LocalPaths {
  /// Whether `text` can only be a path on somebody's machine: absolute, below a home directory or relative with dots,
  /// also as Windows or a `file:` URL has it.
  package static func isLocalPath(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    if [".", "..", "~"].contains(text) || bytes.starts(with: "~".utf8) && bytes.contains(UInt8(ascii: "/")) {
      return true
    }
    for prefix in ["/", "./", "../", ".\\", "..\\", "\\\\", "file:/"] where bytes.starts(with: prefix.utf8) {
      return true
    }
    // A drive: C:\ or C:/
    guard bytes.count >= 3, bytes[1] == UInt8(ascii: ":"), isLetter(bytes[0]) else { return false }
    return bytes[2] == UInt8(ascii: "\\") || bytes[2] == UInt8(ascii: "/")
  }

  /// Whether `text` is an id as the Hub has them, `namespace/name`: each of ASCII letters, digits, `-`, `_` and `.`, 96 bytes
  /// at most together, neither part beginning or ending with `-` or `.`, no `--` or `..` in it, no `.git` or `.ipynb` at the end.
  ///
  /// Source: `validate_repo_id` of huggingface_hub. An id without a namespace (`gpt2`) is not told from a folder's name.
  package static func isHubID(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, text.utf8.count <= 96, !text.contains("--"), !text.contains("..") else { return false }
    guard ![".git", ".ipynb"].contains(where: text.hasSuffix) else { return false }
    return parts.allSatisfy { part in
      guard let first = part.utf8.first, let last = part.utf8.last else { return false }
      let edges: [UInt8] = [UInt8(ascii: "-"), UInt8(ascii: ".")]
      return !edges.contains(first) && !edges.contains(last) && part.utf8.allSatisfy(isPermitted)
    }
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }

  private static func isPermitted(_ byte: UInt8) -> Bool {
    isLetter(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "-_.".utf8.contains(byte)
  }
}
