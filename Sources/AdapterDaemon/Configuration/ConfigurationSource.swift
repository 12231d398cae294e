import Kernel
import SystemPackage

/// A configuration file's text, and where in it things stand: the TOML library gives lines for syntax errors only.
struct ConfigurationSource {
  let path: FilePath
  let text: String
  /// For `~`.
  let home: String?

  /// An absolute path from what stands in the file.
  func resolved(_ text: String) -> FilePath {
    if let home, text == "~" || text.hasPrefix("~/") { return FilePath(home + text.dropFirst()).lexicallyNormalized() }
    return path.removingLastComponent().pushing(FilePath(text)).lexicallyNormalized()
  }

  /// The line, from 1, of `key` in the table `header` that is the `index`-th of its name, or of the header itself if
  /// `key` is `nil` or does not stand there.
  func line(of key: String?, header: String, index: Int) -> Int? {
    var current = ""
    var count = -1
    var headerLine: Int?
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let trimmed = line.drop { $0 == " " || $0 == "\t" }
      if trimmed.hasPrefix("[") {
        let end = trimmed.firstIndex(of: "#") ?? trimmed.endIndex
        current = String(trimmed[..<end].filter { !$0.isWhitespace })
        // A sub-table belongs to the list entry before it.
        if current == "[[publish]]" { count += 1 }
        if current == header, count == index || !header.contains("publish") { headerLine = number + 1 }
      } else if let key, current == header, count == index || !header.contains("publish") {
        let name = trimmed.prefix { $0 != "=" && $0 != "." }.filter { !$0.isWhitespace && $0 != "\"" && $0 != "'" }
        if name == key { return number + 1 }
      }
    }
    return headerLine
  }
}
