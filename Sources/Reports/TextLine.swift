import Glibc
import Kernel
import Logging

/// An entry as one line for people: time, level, message, then what programs may look for in brackets.
///
///     2026-11-23T15:29:05+0100 notice published step 50 [event=published repo=salakash/AskBuddyX bytes=2954321]
struct TextLine {
  let event: LogEvent
  let label: String
  let metadata: Logger.Metadata
  /// Seconds since 1970.
  let time: time_t

  /// The line with its end. Whatever the message or the metadata hold, it is one line and has no control
  /// characters but the colours.
  func rendered(isColoured: Bool) -> String {
    var line = "\(timestamp) "
    line += isColoured ? "\(colour)\(event.level.rawValue)\u{1B}[0m " : "\(event.level.rawValue) "
    if label != "adapterd" { line += "\(Kernel.shown(Array(label.utf8))): " }
    line += Self.escaped(event.message.description)
    let pairs = self.pairs
    if !pairs.isEmpty {
      let fields = "[" + pairs.map { "\($0)=\(Self.quoted($1))" }.joined(separator: " ") + "]"
      line += isColoured ? " \u{1B}[2m\(fields)\u{1B}[0m" : " \(fields)"
    }
    return line + "\n"
  }

  /// The event's fields under their short names in their fixed order, then all else in the order of its keys.
  private var pairs: [(String, String)] {
    var rest = metadata
    // It stands for the event, which is shown by name.
    rest[EventKey.messageID] = nil
    var pairs: [(String, String)] = []
    for key in EventKey.inOrder {
      guard let value = rest.removeValue(forKey: key) else { continue }
      pairs.append((String(key.dropFirst(EventKey.prefix.count)), Self.escaped(value)))
    }
    return pairs + rest.sorted { $0.key < $1.key }.map { (Self.escaped($0.key), Self.escaped($0.value)) }
  }

  /// Local time with its offset, as in RFC 3339 but for the offset's colon.
  private var timestamp: String {
    var time = self.time
    var broken = tm()
    localtime_r(&time, &broken)
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
      guard let base = buffer.baseAddress, strftime(base, 64, "%Y-%m-%dT%H:%M:%S%z", &broken) > 0 else { return "-" }
      return String(cString: base)
    }
  }

  private var colour: String {
    switch event.level {
    case .trace, .debug: "\u{1B}[2m"
    case .info: "\u{1B}[32m"
    case .notice: "\u{1B}[1;32m"
    case .warning: "\u{1B}[33m"
    case .error, .critical: "\u{1B}[1;31m"
    }
  }

  private static func escaped(_ text: String) -> String {
    // A line break is common enough, in messages of others, to be written as people know it.
    text.split(separator: "\n", omittingEmptySubsequences: false).map { Kernel.shown(Array($0.utf8)) }
      .joined(separator: "\\n")
  }

  private static func escaped(_ value: Logger.MetadataValue) -> String {
    String(validating: value.bytes, as: UTF8.self).map(escaped) ?? value.shown
  }

  /// The value in quotes where it could be mistaken for more than one.
  private static func quoted(_ value: String) -> String {
    guard value.isEmpty || value.contains(where: { " \"=[]".contains($0) }) else { return value }
    return "\"" + value.replacing("\"", with: "\\\"") + "\""
  }
}
