import Kernel
import Logging
import SystemPackage

/// The fields of an entry about a publication; what is not known is left out.
package struct EventFields: Sendable, Equatable {
  /// The directory that is watched, as `ADAPTERD_OUTPUTS`.
  package var outputs: FilePath?
  /// Where it goes, e.g. `salakash/AskBuddyX`, as `ADAPTERD_REPO`.
  package var repo: String?
  /// The destination's commit, as `ADAPTERD_COMMIT`.
  package var commit: String?
  /// The ledger's name of the publication, as `ADAPTERD_PUBLICATION`.
  package var publication: String?
  /// How many bytes were bundled or sent, as `ADAPTERD_BYTES`.
  package var bytes: Int64?
  /// How long it took; in microseconds as `ADAPTERD_DURATION_USEC`.
  package var duration: Duration?
  /// Which attempt it was, from 1, as `ADAPTERD_ATTEMPT`.
  package var attempt: Int?
  /// What went wrong, as `ADAPTERD_ERROR`.
  package var error: String?

  package init(
    outputs: FilePath? = nil, repo: String? = nil, commit: String? = nil, publication: String? = nil,
    bytes: Int64? = nil, duration: Duration? = nil, attempt: Int? = nil, error: String? = nil
  ) {
    self.outputs = outputs
    self.repo = repo
    self.commit = commit
    self.publication = publication
    self.bytes = bytes
    self.duration = duration
    self.attempt = attempt
    self.error = error
  }

  /// The same as metadata of swift-log, so that whatever handler is installed gets them.
  ///
  /// The keys need no table in the journal: `adapterd.repo` becomes `ADAPTERD_REPO` by the rule for every key.
  func metadata(of event: Event) -> Logger.Metadata {
    var metadata: Logger.Metadata = [
      EventKey.event: .string(event.rawValue), EventKey.messageID: .string(event.messageID),
    ]
    // A path stays a path: its bytes need not be UTF-8.
    metadata[EventKey.outputs] = outputs.map { .stringConvertible($0) }
    metadata[EventKey.repo] = repo.map { .string($0) }
    metadata[EventKey.commit] = commit.map { .string($0) }
    metadata[EventKey.publication] = publication.map { .string($0) }
    metadata[EventKey.bytes] = bytes.map { .stringConvertible($0) }
    metadata[EventKey.duration] = duration.map { .stringConvertible($0.microseconds) }
    metadata[EventKey.attempt] = attempt.map { .stringConvertible($0) }
    metadata[EventKey.error] = error.map { .string($0) }
    return metadata
  }
}

/// The metadata keys of an event, in the order in which people read them.
enum EventKey {
  static let prefix = "adapterd."
  static let event = "adapterd.event"
  static let repo = "adapterd.repo"
  static let commit = "adapterd.commit"
  static let publication = "adapterd.publication"
  static let outputs = "adapterd.outputs"
  static let bytes = "adapterd.bytes"
  static let duration = "adapterd.duration_usec"
  static let attempt = "adapterd.attempt"
  static let error = "adapterd.error"
  static let messageID = "message.id"

  static let inOrder = [event, repo, commit, publication, outputs, bytes, duration, attempt, error]
}

extension Logger {
  /// Says that `event` happened: one entry, with the event's `MESSAGE_ID` and fields beside the message.
  ///
  /// - Parameters:
  ///   - message: A sentence for people. What it says in passing, `fields` say for programs.
  package func report(
    _ event: Event, level: Logger.Level, _ message: String, _ fields: EventFields = EventFields(),
    file: String = #fileID, function: String = #function, line: UInt = #line
  ) {
    log(
      level: level, "\(message)", metadata: fields.metadata(of: event), source: nil, file: file, function: function,
      line: line)
  }
}
