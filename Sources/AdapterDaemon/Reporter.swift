import Adapters
import Bundles
import DownloadTracking
import Foundation
import Kernel
import Logging
import Publishing
import Reports
import Synchronization
import SystemPackage
import Watching

/// Says what happens: one journal entry for each step of a publication, the line of `systemctl status`, the status file.
package final class Reporter: Sendable {
  private struct State {
    var directories: [FilePath: Int] = [:]
    var waiting: [PublishTarget: String] = [:]
    var last: (target: PublishTarget, commit: String, at: Date)?
    /// What was said already of findings that last; said again only when it changes.
    var said: [FilePath: String] = [:]
    /// What was said of a state that is not whole yet, until it is.
    var incomplete: [FilePath: Set<String>] = [:]
    /// What keeps each tree from being seen.
    var problems: [FilePath: Set<WatchProblem>] = [:]
    /// The status line that the service manager has.
    var told: String?
  }

  package let logger: Logger
  private let service: ServiceManager
  private let state = Mutex(State())

  package init(logger: Logger, service: ServiceManager) {
    self.logger = logger
    self.service = service
  }

  // MARK: the outputs

  /// Says what has come to keep `outputs` from being seen, and what does so no more.
  func watching(_ outputs: FilePath, directories: Int, problems: Set<WatchProblem>) {
    let before = state.withLock { state in
      state.directories[outputs] = directories
      defer { state.problems[outputs] = problems }
      return state.problems[outputs] ?? []
    }
    func sorted(_ problems: Set<WatchProblem>) -> [WatchProblem] {
      problems.sorted { $0.path.bytes.lexicographicallyPrecedes($1.path.bytes) }
    }
    for problem in sorted(problems.subtracting(before)) {
      let text = problem.description
      logger.report(
        .watchDegraded, level: problem.isHarmless ? .notice : .warning, text,
        EventFields(outputs: outputs, error: problem.isHarmless ? nil : text))
    }
    for problem in sorted(before.subtracting(problems)) where !problem.isHarmless {
      logger.info("\(problem.path.shown): it is seen again")
    }
    updateStatus()
  }

  func stopped(watching outputs: FilePath) {
    state.withLock { state in
      state.directories[outputs] = nil
      state.problems[outputs] = nil
    }
  }

  func found(_ state: AdapterState, in outputs: FilePath) {
    let step = state.step.map { " at iteration \($0)" } ?? ""
    logger.report(
      .adapterFound, level: .info, "found a whole \(state.format.rawValue) adapter\(step): \(state.weights.path.shown)",
      EventFields(outputs: outputs))
  }

  /// Says what `directory` lacks: each kind of thing once for a state, however often it is written to until it is whole,
  /// and once more if that lasts.
  func incomplete(_ directory: FilePath, _ lacks: [Incomplete], lasting: Bool, in outputs: FilePath) {
    let key = (lasting ? "lasting " : "") + lacks.map { "\($0.kind)" }.sorted().joined(separator: " ")
    guard state.withLock({ $0.incomplete[directory, default: []].insert(key).inserted }) else { return }
    let reason = lacks.map(\.reason).joined(separator: "; ")
    let text =
      lasting ? "not published: \(reason), and nothing has been written for a while" : "not yet whole: \(reason)"
    logger.report(
      .adapterIncomplete, level: lasting ? .warning : .info, "\(directory.shown): \(text)",
      EventFields(outputs: outputs, error: lasting ? reason : nil))
  }

  func refused(_ file: FilePath, _ reason: String, in outputs: FilePath) {
    guard isNews(file, reason) else { return }
    logger.report(
      .failed, level: .error, "\(file.shown) is not published: \(reason)", EventFields(outputs: outputs, error: reason))
  }

  /// Says once that `link` leads nowhere for us.
  func notFollowed(_ link: FilePath) {
    guard isNews(link, "link") else { return }
    logger.notice("\(link.shown): it is a symbolic link, and none is followed")
  }

  func forget(_ path: FilePath) {
    state.withLock { state in
      state.said[path] = nil
      state.incomplete[path] = nil
    }
  }

  private func isNews(_ path: FilePath, _ text: String) -> Bool {
    state.withLock { state in
      if state.said[path] == text { return false }
      state.said[path] = text
      return true
    }
  }

  func rescan(_ outputs: FilePath, reasons: [String]) {
    logger.report(
      .rescan, level: .info, "looking at all of \(outputs.shown): \(reasons.joined(separator: ", "))",
      EventFields(outputs: outputs))
  }

  /// Says once why `run` cannot be read; the same again is not said again.
  func unreadable(_ run: FilePath, _ error: SystemError, in outputs: FilePath) {
    guard isNews(run, "\(error)") else { return }
    logger.report(.watchDegraded, level: .warning, "\(error)", EventFields(outputs: outputs, error: "\(error)"))
  }

  // MARK: publications

  func taken(_ outcome: Intake.Outcome) {
    switch outcome {
    case .queued(let publication, let bundle, let superseded):
      for old in superseded {
        logger.report(.superseded, level: .info, "\(old.target): \(old.reason ?? "superseded")", Self.fields(old))
      }
      let size = Self.bytes(publication.bytes)
      logger.report(
        .bundleReady, level: .info, "\(publication.target): \(bundle.manifest.files.count) files, \(size)",
        Self.fields(publication))
      logger.report(
        .verdict, level: bundle.verdict.isCounted ? .info : .warning,
        "\(publication.target): \(bundle.verdict.summary)",
        Self.fields(publication))
      for note in bundle.notes {
        logger.info("\(publication.target): \(note)")
      }
      waits(publication.target, "queued")
    case .unchanged(let publication):
      logger.report(
        .unchanged, level: .info, "\(publication.target): no commit: \(publication.reason ?? "")",
        Self.fields(publication))
    case .superseded(let publication):
      guard isNews(publication.directory, publication.stamp) else { return }
      logger.report(
        .superseded, level: .info, "\(publication.target): not published: \(publication.reason ?? "")",
        Self.fields(publication))
    case .uncounted(let publication, let verdict):
      logger.report(
        .failed, level: .error, "\(publication.target): not published: \(verdict.summary); publish_uncounted = false",
        Self.fields(publication, error: verdict.summary))
    case .waiting:
      break
    }
  }

  package func progress(_ progress: Publisher.Progress) {
    switch progress {
    case .waiting(let publication):
      logger.info("\(publication.target): another adapterd is publishing to it; waiting for that")
    case .started(let publication):
      logger.report(
        .uploadStarted, level: .info, "\(publication.target): publishing \(Self.bytes(publication.bytes))",
        Self.fields(publication))
    case .published(let publication, let notes):
      let commit = publication.commit ?? ""
      logger.report(
        .published, level: .notice, "published \(publication.target)@\(commit.prefix(7)): \(publication.summary)",
        Self.fields(publication))
      for note in notes { logger.warning("\(publication.target): \(note)") }
      state.withLock { state in
        state.waiting[publication.target] = nil
        state.last = (publication.target, commit, publication.updated)
      }
      updateStatus()
    case .unchanged(let publication, let notes):
      logger.report(
        .unchanged, level: .info, "\(publication.target): no commit: \(publication.reason ?? "")",
        Self.fields(publication))
      for note in notes { logger.warning("\(publication.target): \(note)") }
      done(publication.target)
    case .superseded(let publication):
      logger.report(
        .superseded, level: .info, "\(publication.target): not published: \(publication.reason ?? "")",
        Self.fields(publication))
      done(publication.target)
    case .retry(let publication, let error, let wait):
      let seconds = wait.seconds.rounded(.up).formatted(.number.precision(.fractionLength(0)))
      logger.report(
        .retry, level: .warning, "\(publication.target): \(error); next try in \(seconds) s",
        Self.fields(publication, error: error.description))
      waits(publication.target, "\(error.brief), next try in \(seconds) s")
    case .refused(let publication, let error):
      logger.report(
        .failed, level: .error,
        "\(publication.target): not published: \(error); it is kept, and tried again after a reload or a restart",
        Self.fields(publication, error: error.description))
      waits(publication.target, "refused: \(error.brief)")
    }
  }

  /// Says once that the ledger cannot be used now.
  func troubled(_ error: any Error) {
    guard isNews("ledger", "\(error)") else { return }
    logger.report(
      .failed, level: .error, "nothing is published while the ledger cannot be written: \(error)",
      EventFields(error: "\(error)"))
  }

  func waits(_ target: PublishTarget, _ why: String) {
    state.withLock { $0.waiting[target] = why }
    updateStatus()
  }

  private func done(_ target: PublishTarget) {
    state.withLock { $0.waiting[target] = nil }
    updateStatus()
  }

  private static func fields(_ publication: Publication, error: String? = nil) -> EventFields {
    EventFields(
      outputs: publication.outputs, repo: publication.target.repo, commit: publication.commit,
      publication: publication.id, bytes: publication.bytes, duration: publication.duration,
      attempt: publication.attempts > 0 ? publication.attempts : nil, error: error)
  }

  static func bytes(_ count: Int64) -> String {
    count < 10_000 ? "\(count) bytes" : count.formatted(.byteCount(style: .decimal))
  }

  // MARK: the service's state

  /// The line for `systemctl status`.
  package var statusLine: String {
    state.withLock { state in
      let trees = state.directories.count
      let directories = state.directories.values.reduce(0, +)
      var parts = [
        "watching \(trees) \(trees == 1 ? "tree" : "trees"), \(directories) \(directories == 1 ? "directory" : "directories")"
      ]
      if let last = state.last {
        let time = last.at.formatted(.iso8601.timeZone(separator: .colon))
        parts.append("\(last.target)@\(last.commit.prefix(7)) published \(time)")
      }
      if let first = state.waiting.sorted(by: { $0.key.repo < $1.key.repo }).first {
        parts.append("\(state.waiting.count) waiting: \(first.value)")
      }
      return parts.joined(separator: " · ")
    }
  }

  /// Tells the service manager, if there is something to tell: loops that wake often call this each time.
  func updateStatus() {
    let line = statusLine
    let isNew = state.withLock { state in
      defer { state.told = line }
      return state.told != line
    }
    if isNew { service.status(line) }
  }
}

extension DestinationError {
  /// A few words, for the status line.
  var brief: String {
    String(description.prefix { $0 != "\n" }.prefix(80))
  }
}
