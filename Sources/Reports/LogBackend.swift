import Glibc
import Logging
import SystemPackage

/// Where the log goes: to journald with fields, or to standard error as text.
package enum LogBackend: Sendable, Equatable {
  case journal
  case text(isColoured: Bool)

  /// The journal iff `output` is the journal's own stream, else text.
  ///
  /// `JOURNAL_STREAM` holds the device and inode of the stream that systemd connected, see systemd.exec(5). It is
  /// inherited by every child, so only the comparison tells whether it is still about this process; and
  /// sd_journal_sendv(3) succeeds without a journald too, so trying would not tell.
  ///
  /// - Parameters:
  ///   - environment: `JOURNAL_STREAM`, `NO_COLOR` and `TERM` are looked at.
  ///   - output: Standard error, but in tests.
  package init(
    environment: [String: String] = currentEnvironment("JOURNAL_STREAM", "NO_COLOR", "TERM"),
    output: FileDescriptor = .standardError
  ) {
    var status = stat()
    if let stream = environment["JOURNAL_STREAM"], fstat(output.rawValue, &status) == 0,
      stream == "\(status.st_dev):\(status.st_ino)"
    {
      self = .journal
    } else {
      self = .text(isColoured: TextLogHandler.wantsColour(output, environment: environment))
    }
  }

  /// A handler for a logger of its own.
  package func handler(label: String, level: Logger.Level) -> any LogHandler {
    switch self {
    case .journal: JournalLogHandler(label: label, level: level)
    case .text(let isColoured): TextLogHandler(label: label, level: level, isColoured: isColoured)
    }
  }

  /// Makes every logger that is created from now on write here. Once a process: swift-log traps at a second time.
  package func bootstrap(level: Logger.Level) {
    LoggingSystem.bootstrap { label in handler(label: label, level: level) }
  }
}

/// Those of the named environment variables that are set.
package func currentEnvironment(_ names: String...) -> [String: String] {
  var values: [String: String] = [:]
  for name in names {
    if let value = getenv(name) { values[name] = String(cString: value) }
  }
  return values
}
