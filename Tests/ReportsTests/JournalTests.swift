import Glibc
import Kernel
import Logging
import SystemPackage
import TestSupport
import Testing

@testable import Reports

@Suite(.enabled(if: PrivateJournal.isPossible, "needs root with the right to mount, systemd-journald, util-linux"))
struct JournalTests {
  private static func logger(_ label: String = "adapterd.publishing") -> Logger {
    Logger(label: label) { JournalLogHandler(label: $0, level: .trace) }
  }

  @Test(.timeLimit(.minutes(10))) func anEventArrivesWithAllItsFields() async throws {
    let entries = try await PrivateJournal.inside { journal in
      Self.logger().report(
        .published, level: .notice, "published salakash/AskBuddyX",
        EventFields(
          outputs: "/srv/training/outputs", repo: "salakash/AskBuddyX", commit: "1a2b3c4d", publication: "7",
          bytes: 2_954_321, duration: .milliseconds(1500), attempt: 2, error: "first attempt: timed out"))
      return try journal.entries("ADAPTERD_EVENT=published")
    }
    try #require(entries.count == 1)
    let expected = [
      "MESSAGE": "published salakash/AskBuddyX", "PRIORITY": "5", "SYSLOG_IDENTIFIER": "adapterd",
      "MESSAGE_ID": Event.published.messageID, "LOGGER": "adapterd.publishing",
      "CODE_FILE": "ReportsTests/JournalTests.swift", "CODE_FUNC": "anEventArrivesWithAllItsFields()",
      "ADAPTERD_OUTPUTS": "/srv/training/outputs", "ADAPTERD_REPO": "salakash/AskBuddyX",
      "ADAPTERD_COMMIT": "1a2b3c4d", "ADAPTERD_PUBLICATION": "7", "ADAPTERD_BYTES": "2954321",
      "ADAPTERD_DURATION_USEC": "1500000", "ADAPTERD_ATTEMPT": "2", "ADAPTERD_ERROR": "first attempt: timed out",
      "_TRANSPORT": "journal", "_PID": "\(getpid())",
    ]
    for (name, value) in expected {
      #expect(entries[0][name] as? String == value, "\(name)")
    }
    #expect(Int(entries[0]["CODE_LINE"] as? String ?? "") != nil)
  }

  @Test(.timeLimit(.minutes(10))) func linesAndBytesSurvive() async throws {
    let path = FilePath(bytes: Array("/out/caf".utf8) + [0xE9, 0x0A, 0x3D])
    let entries = try await PrivateJournal.inside { journal in
      Self.logger().report(
        .failed, level: .error, "refused:\nthe header\n\nMESSAGE=not a field",
        EventFields(outputs: path, error: "line 1\nline 2"))
      return try journal.entries("ADAPTERD_EVENT=failed")
    }
    try #require(entries.count == 1)
    #expect(entries[0]["MESSAGE"] as? String == "refused:\nthe header\n\nMESSAGE=not a field")
    #expect(entries[0]["ADAPTERD_ERROR"] as? String == "line 1\nline 2")
    let bytes = try #require(entries[0]["ADAPTERD_OUTPUTS"] as? [Int])
    #expect(bytes.map { UInt8($0) } == path.bytes)
  }

  @Test(.timeLimit(.minutes(10))) func journaldKeepsEveryNameThatAKeyIsMappedTo() async throws {
    let keys = ["hub.repo", "größe", "_pid", "__", "2nd", "message", String(repeating: "long.", count: 20)]
    let entries = try await PrivateJournal.inside { journal in
      Self.logger().info("names", metadata: Dictionary(uniqueKeysWithValues: keys.map { ($0, "value of \($0)") }))
      return try journal.entries("SYSLOG_IDENTIFIER=adapterd")
    }
    try #require(entries.count == 1)
    #expect(entries[0]["MESSAGE"] as? String == "names")
    for key in keys {
      #expect(entries[0][JournalEntry.fieldName(key)] as? String == "value of \(key)", "\(key)")
    }
  }

  @Test(.timeLimit(.minutes(10))) func anEntryLongerThanADatagramArrives() async throws {
    let long = String(repeating: "0123456789abcde\n", count: 20_000)
    let entries = try await PrivateJournal.inside { journal in
      Self.logger().error("\(long)")
      return try journal.entries("SYSLOG_IDENTIFIER=adapterd")
    }
    #expect(entries.map { $0["MESSAGE"] as? String } == [long])
  }

  @Test(.timeLimit(.minutes(10))) func levelsBecomePriorities() async throws {
    let entries = try await PrivateJournal.inside { journal in
      for level in Logger.Level.allCases { Self.logger().log(level: level, "\(level)") }
      return try journal.entries("SYSLOG_IDENTIFIER=adapterd")
    }
    #expect(entries.map { $0["MESSAGE"] as? String } == Logger.Level.allCases.map(\.rawValue))
    #expect(entries.map { $0["PRIORITY"] as? String } == ["7", "7", "6", "5", "4", "3", "2"])
  }

  @Test(.timeLimit(.minutes(10))) func whatJournaldDoesNotTakeIsWrittenAsText() async throws {
    let text = try await PrivateJournal.inside(withJournald: false) { _ in
      // A socket that nobody listens on any more, as after a crash of journald.
      let path = "/run/systemd/journal/socket"
      let left = try NotificationSocket(at: "/run/systemd/journal/listening")
      _ = try retryingInterrupts { link(left.path, path) }
      _ = consume left
      let pipe = try FileDescriptor.pipe()
      defer { try? pipe.readEnd.close() }
      try pipe.writeEnd.closeAfter {
        let fallback = TextLogHandler(label: "adapterd", level: .info, output: pipe.writeEnd, isColoured: false)
        let handler = JournalLogHandler(label: "adapterd", level: .info, fallback: fallback)
        Logger(label: "adapterd") { _ in handler }.error("not lost", metadata: ["adapterd.repo": "a/b"])
      }
      var bytes = [UInt8](repeating: 0, count: 4096)
      let count = try bytes.withUnsafeMutableBytes { try pipe.readEnd.read(into: $0) }
      return String(decoding: bytes[..<count], as: UTF8.self)
    }
    #expect(text.hasSuffix(" error not lost [repo=a/b]\n"), "\(text)")
  }
}
