import Logging
import SystemPackage

/// Writes what is logged to journald, each piece of metadata a field of its own.
///
/// sd_journal_sendv(3) succeeds even where no journald listens, so it is for ``LogBackend`` to know that one does.
package struct JournalLogHandler: LogHandler {
  package var logLevel: Logger.Level
  package var metadata: Logger.Metadata = [:]
  package var metadataProvider: Logger.MetadataProvider?
  private let label: String
  /// For an entry that journald does not take. Standard error is read by journald too, but by another way.
  private let fallback: TextLogHandler

  package init(label: String, level: Logger.Level) {
    self.init(label: label, level: level, fallback: TextLogHandler(label: label, level: level, isColoured: false))
  }

  init(label: String, level: Logger.Level, fallback: TextLogHandler) {
    self.label = label
    self.fallback = fallback
    logLevel = level
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    let metadata = event.metadata(over: self.metadata, metadataProvider)
    do throws(Errno) {
      try entry(of: event, metadata).send()
    } catch {
      fallback.write(event, metadata)
    }
  }

  /// The entry of an event, with the metadata in the order of its keys.
  func entry(of event: LogEvent, _ metadata: Logger.Metadata) -> JournalEntry {
    var entry = JournalEntry()
    entry.add("MESSAGE", event.message.description)
    entry.add("PRIORITY", String(event.level.syslogPriority))
    entry.add("SYSLOG_IDENTIFIER", "adapterd")
    entry.add("LOGGER", label)
    entry.add("CODE_FILE", event.file)
    entry.add("CODE_LINE", String(event.line))
    entry.add("CODE_FUNC", event.function)
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
      entry.add(JournalEntry.fieldName(key), value.bytes)
    }
    return entry
  }
}
