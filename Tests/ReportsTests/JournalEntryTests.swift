import Kernel
import Logging
import SystemPackage
import Testing

@testable import Reports

@Suite struct JournalEntryTests {
  @Test(arguments: [
    ("hub.repo", "HUB_REPO"),
    ("adapterd.duration_usec", "ADAPTERD_DURATION_USEC"),
    ("message.id", "MESSAGE_ID"),
    ("request-ID", "REQUEST_ID"),
    ("größe", "GR____E"),
    // journald keeps a leading underscore for itself, and drops a leading digit.
    ("_pid", "PID"),
    ("__", "METADATA_"),
    ("", "METADATA_"),
    ("2nd", "METADATA_2ND"),
    // Set by the handler.
    ("message", "METADATA_MESSAGE"),
    ("_priority", "METADATA_PRIORITY"),
    ("unit", "METADATA_UNIT"),
  ])
  func fieldNameIsOneThatJournaldKeeps(key: String, name: String) {
    #expect(JournalEntry.fieldName(key) == name)
  }

  @Test func longNamesAreCutAtWhatJournaldTakes() {
    #expect(JournalEntry.fieldName(String(repeating: "a", count: 100)) == String(repeating: "A", count: 64))
  }

  @Test func levelsAreThoseOfSyslog() {
    #expect(Logger.Level.allCases.map(\.syslogPriority) == [7, 7, 6, 5, 4, 3, 2])
  }

  @Test func entryHasTheFieldsInOrderAndTheBytesAsTheyAre() {
    let event = LogEvent(
      level: .warning, message: "two\nlines", metadata: nil, source: nil, file: "Hub/Client.swift", function: "send()",
      line: 7)
    let path = FilePath(bytes: Array("/out/".utf8) + [0xFF, 0x0A, 0x78])
    let handler = JournalLogHandler(label: "adapterd.hub", level: .info)
    let entry = handler.entry(of: event, ["path": .stringConvertible(path), "adapterd.event": "retry"])
    #expect(
      entry.fields == [
        Array("MESSAGE=two\nlines".utf8), Array("PRIORITY=4".utf8), Array("SYSLOG_IDENTIFIER=adapterd".utf8),
        Array("LOGGER=adapterd.hub".utf8), Array("CODE_FILE=Hub/Client.swift".utf8), Array("CODE_LINE=7".utf8),
        Array("CODE_FUNC=send()".utf8), Array("ADAPTERD_EVENT=retry".utf8),
        Array("PATH=/out/".utf8) + [0xFF, 0x0A, 0x78],
      ])
  }

  @Test func theNearerToTheCallTheStronger() {
    let provider = Logger.MetadataProvider { ["a": "provider", "b": "provider"] }
    let event = LogEvent(
      level: .info, message: "", error: SystemError("open", nil, .permissionDenied), metadata: ["a": "call"],
      source: nil, file: "", function: "", line: 0)
    let merged = event.metadata(over: ["a": "logger", "b": "logger", "c": "logger"], provider)
    #expect(merged == ["a": "call", "b": "provider", "c": "logger", "adapterd.error": "open: Permission denied"])
  }
}
