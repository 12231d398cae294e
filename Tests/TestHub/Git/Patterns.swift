import Foundation

/// Which paths go by LFS, see gitattributes(5).
struct GitAttributes {
  /// A part of what a new repo on the Hub has.
  static let initial = [
    "7z", "bin", "gz", "h5", "msgpack", "npy", "npz", "onnx", "parquet", "pt", "pth", "safetensors", "zip",
  ]
  .map { "*.\($0) filter=lfs diff=lfs merge=lfs -text\n" }.joined()

  private let rules: [(pattern: String, isLFS: Bool)]

  init(_ text: String) {
    rules = text.split(whereSeparator: \.isNewline).compactMap { line in
      let words = line.split(separator: " ")
      guard let pattern = words.first, !pattern.hasPrefix("#") else { return nil }
      if words.contains("filter=lfs") { return (String(pattern), true) }
      return words.contains("-filter") || words.contains("!filter") ? (String(pattern), false) : nil
    }
  }

  init(of tree: [String: Blob]) {
    self.init(text(of: ".gitattributes", in: tree) ?? "")
  }

  /// The last rule that matches decides.
  func isLFS(_ path: String) -> Bool {
    rules.last { matches($0.pattern, path) }?.isLFS ?? false
  }

  /// Added by the Hub for a path that goes by LFS without a rule saying so.
  static func line(for path: String) -> String { "\(path) filter=lfs diff=lfs merge=lfs -text\n" }
}

/// Which paths are kept out, see gitignore(5).
struct GitIgnore {
  private let rules: [(pattern: String, isIgnored: Bool)]

  init(_ text: String) {
    rules = text.split(whereSeparator: \.isNewline).compactMap { line in
      let text = line.trimmingCharacters(in: .whitespaces)
      guard !text.isEmpty, !text.hasPrefix("#") else { return nil }
      return text.hasPrefix("!") ? (String(text.dropFirst()), false) : (text, true)
    }
  }

  func ignores(_ path: String) -> Bool {
    // A directory that is ignored takes all below it along.
    let parts = path.split(separator: "/")
    return (1...max(parts.count, 1)).contains { count in
      let prefix = parts.prefix(count).joined(separator: "/")
      let isDirectory = count < parts.count
      return rules.last { rule in
        guard rule.pattern.hasSuffix("/") else { return matches(rule.pattern, prefix) }
        return isDirectory && matches(String(rule.pattern.dropLast()), prefix)
      }?.isIgnored ?? false
    }
  }
}

/// A pattern with a slash is for the whole path, one without for a name in any directory.
private func matches(_ pattern: String, _ path: String) -> Bool {
  if pattern.dropLast().contains("/") {
    return fnmatch(pattern.hasPrefix("/") ? String(pattern.dropFirst()) : pattern, path, FNM_PATHNAME) == 0
  }
  return fnmatch(pattern, String(path.split(separator: "/").last ?? ""), 0) == 0
}

/// A file of the tree that holds rules.
func text(of path: String, in tree: [String: Blob]) -> String? {
  guard case .regular(let bytes)? = tree[path] else { return nil }
  return String(decoding: bytes, as: UTF8.self)
}
