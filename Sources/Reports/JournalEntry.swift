import CSystemd
import Glibc
import Logging
import SystemPackage

/// One entry of the journal: fields with values of any bytes, in the order in which they were added.
///
/// See systemd.journal-fields(7) and sd_journal_sendv(3).
struct JournalEntry: Sendable {
  /// Each field as `NAME=value`.
  private(set) var fields: [[UInt8]] = []

  /// Adds a field under a name that is known to be valid.
  mutating func add(_ name: String, _ value: some Sequence<UInt8>) {
    fields.append(Array(name.utf8) + [UInt8(ascii: "=")] + value)
  }

  /// Adds a field under a name that is known to be valid.
  mutating func add(_ name: String, _ value: String) {
    add(name, value.utf8)
  }

  /// Hands the entry to journald. It blocks no longer than a datagram takes.
  ///
  /// Without any journald it does nothing and says nothing, as sd_journal_sendv(3) does.
  ///
  /// - Throws: the error number of sd_journal_sendv(3).
  func send() throws(Errno) {
    // libsystemd reads the bytes only, but C's iovec has no const.
    var bytes = fields.flatMap { $0 }
    let lengths = fields.map(\.count)
    let result = bytes.withUnsafeMutableBytes { buffer in
      var offset = 0
      let vectors = lengths.map { length in
        defer { offset += length }
        return iovec(iov_base: buffer.baseAddress.map { $0 + offset }, iov_len: length)
      }
      return sd_journal_sendv(vectors, CInt(vectors.count))
    }
    if result < 0 { throw Errno(rawValue: -result) }
  }
}

extension JournalEntry {
  /// The fields that the handler sets itself. A second one of the name would make the first one's value a list.
  private static let reserved: Set<String> = [
    "MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "SYSLOG_FACILITY", "SYSLOG_PID", "SYSLOG_TIMESTAMP", "SYSLOG_RAW",
    "CODE_FILE", "CODE_LINE", "CODE_FUNC", "LOGGER", "UNIT", "USER_UNIT",
  ]

  /// A metadata key as a field name that journald keeps: `hub.repo` → `HUB_REPO`.
  ///
  /// journald drops, without a word, a field whose name has other characters than `A-Z0-9_`, begins with `_` or a
  /// digit, or is longer than 64 (`journal_field_valid` in systemd's source).
  static func fieldName(_ key: String) -> String {
    let mapped = key.utf8.map { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - 32
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): byte
      default: UInt8(ascii: "_")
      }
    }
    var name = String(decoding: mapped.drop { $0 == UInt8(ascii: "_") }, as: UTF8.self)
    if name.isEmpty || reserved.contains(name) || name.utf8.first.map({ $0 < UInt8(ascii: "A") }) == true {
      name = "METADATA_" + name
    }
    return String(name.prefix(64))
  }
}

extension Logger.Level {
  /// The level as syslog(3) counts it, 0 being the worst.
  var syslogPriority: Int {
    switch self {
    case .trace, .debug: 7
    case .info: 6
    case .notice: 5
    case .warning: 4
    case .error: 3
    case .critical: 2
    }
  }
}
