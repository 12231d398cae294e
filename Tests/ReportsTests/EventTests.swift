import Logging
import Synchronization
import SystemPackage
import Testing

@testable import Reports

@Suite struct EventTests {
  @Test func namesAreThoseOfTheContract() {
    #expect(
      Event.allCases.map(\.rawValue) == [
        "adapter-found", "adapter-incomplete", "bundle-ready", "upload-started", "published", "unchanged", "superseded",
        "retry", "failed", "watch-degraded", "rescan", "verdict", "downloads", "config-reloaded",
      ])
  }

  @Test func messageIDsAreDistinctAndWellFormed() {
    let ids = Event.allCases.map(\.messageID)
    #expect(Set(ids).count == ids.count)
    #expect(ids.allSatisfy { $0.count == 32 && $0.allSatisfy { "0123456789abcdef".contains($0) } })
  }

  @Test func fieldsReachAnyHandler() throws {
    let recorder = Recorder()
    let logger = Logger(label: "test") { _ in RecordingHandler(recorder: recorder) }
    logger.report(
      .published, level: .notice, "published",
      EventFields(
        outputs: "/srv/out", repo: "a/b", commit: "1a2b", publication: "p7", bytes: 2_954_321,
        duration: .milliseconds(1500), attempt: 2, error: "first try timed out"))
    let event = try #require(recorder.events.first)
    #expect(event.level == .notice)
    #expect(event.message == "published")
    #expect(event.file.hasSuffix("EventTests.swift"))
    let metadata = try #require(event.metadata).mapValues(\.description)
    #expect(
      metadata == [
        "adapterd.event": "published", "message.id": Event.published.messageID, "adapterd.outputs": "/srv/out",
        "adapterd.repo": "a/b", "adapterd.commit": "1a2b", "adapterd.publication": "p7", "adapterd.bytes": "2954321",
        "adapterd.duration_usec": "1500000", "adapterd.attempt": "2", "adapterd.error": "first try timed out",
      ])
  }

  @Test func whatIsNotKnownIsLeftOut() {
    #expect(EventFields().metadata(of: .rescan).keys.sorted() == ["adapterd.event", "message.id"])
  }
}

/// What a logger handed over.
final class Recorder: Sendable {
  private let recorded = Mutex<[LogEvent]>([])
  var events: [LogEvent] { recorded.withLock { $0 } }
  func append(_ event: LogEvent) { recorded.withLock { $0.append(event) } }
}

/// Any other handler than ours.
struct RecordingHandler: LogHandler {
  let recorder: Recorder
  var logLevel = Logger.Level.trace
  var metadata: Logger.Metadata = [:]
  var metadataProvider: Logger.MetadataProvider?

  init(recorder: Recorder) { self.recorder = recorder }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }
  func log(event: LogEvent) { recorder.append(event) }
}
