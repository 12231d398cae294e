import Adapters

/// Takes local paths out of JSON that leaves the machine: they name users, disks and projects.
enum Redaction {
  /// `json` with every local absolute path in it shortened to its last component.
  ///
  /// - Parameter base: The base model's Hub id, if known: it takes the place of a path where a loader looks for the base.
  static func redacted(_ json: JSON, base: String?) -> JSON {
    switch json {
    case .string(let text): return .string(redacted(text))
    case .array(let elements): return .array(elements.map { redacted($0, base: base) })
    case .object(let object):
      return .object(
        JSON.Object(
          object.members.map { member in
            if let base, baseKeys.contains(member.key), let text = member.value.string, LocalPaths.isLocalPath(text) {
              return .init(key: redacted(member.key), value: .string(base))
            }
            return .init(key: redacted(member.key), value: redacted(member.value, base: base))
          }))
    case .null, .bool, .number: return json
    }
  }

  /// Where a loader looks for the base model: PEFT's key and mlx-lm's.
  private static let baseKeys: Set<String> = ["base_model_name_or_path", "model"]

  /// `text` with each absolute path in it shortened to its last component; a home directory vanishes altogether.
  static func redacted(_ text: String) -> String {
    var result = ""
    var word = ""
    func finish() {
      result += shortened(word)
      word = ""
    }
    for character in text {
      if character.isWhitespace || "\"'`=,;()[]{}<>|".contains(character) {
        finish()
        result.append(character)
      } else {
        word.append(character)
      }
    }
    finish()
    return result
  }

  private static func shortened(_ word: String) -> String {
    var path = Substring(word)
    if path.hasPrefix("file://") { path = path.dropFirst("file://".count) }
    let drive = path.first?.isLetter == true && path.dropFirst().hasPrefix(":\\")
    guard path.hasPrefix("/") || path.hasPrefix("~/") || drive else { return word }
    let parts = path.split { $0 == "/" || $0 == "\\" }
    // `/s` in "5 it/s" has one component, a path worth hiding more.
    guard parts.count > 1, let last = parts.last else { return word }
    let isHome = parts.count == 2 && ["home", "Users"].contains(String(parts[0]))
    return isHome ? "redacted" : String(last)
  }
}
