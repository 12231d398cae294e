import Glibc
import Logging
import SystemPackage

/// Writes what is logged as text, one line an entry, to standard error.
///
/// For a terminal, a log file, a container's output; see ``LogBackend``.
package struct TextLogHandler: LogHandler {
  package var logLevel: Logger.Level
  package var metadata: Logger.Metadata = [:]
  package var metadataProvider: Logger.MetadataProvider?
  private let label: String
  private let output: FileDescriptor
  private let isColoured: Bool

  /// - Parameters:
  ///   - output: Where the lines go; it stays the caller's.
  ///   - isColoured: Whether the level is shown in colour, see ``wantsColour(_:environment:)``.
  package init(label: String, level: Logger.Level, output: FileDescriptor = .standardError, isColoured: Bool) {
    self.label = label
    self.output = output
    self.isColoured = isColoured
    logLevel = level
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    write(event, event.metadata(over: metadata, metadataProvider))
  }

  /// Writes one entry whose metadata is already complete.
  func write(_ event: LogEvent, _ metadata: Logger.Metadata) {
    let line = TextLine(event: event, label: label, metadata: metadata, time: time(nil))
    let bytes = Array(line.rendered(isColoured: isColoured).utf8)
    // One write, so that the lines of threads and processes that share the output do not mix. What cannot be
    // written is lost: there is nobody left to tell.
    _ = try? output.writeAll(bytes)
  }

  /// Whether people read `output` and want colours: a terminal, no `NO_COLOR` (<https://no-color.org>: set and not
  /// empty), and not a dumb one.
  package static func wantsColour(_ output: FileDescriptor, environment: [String: String]) -> Bool {
    environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb" && isatty(output.rawValue) == 1
  }
}
