import Adapters
import Bundles
import Kernel
import Logging
import Publishing
import Reports
import SystemPackage
import Watching

/// From a changed directory to a queued publication, for one `[[publish]]` section.
final class SectionPipeline: Sendable {
  private let section: PublishSection
  private let intake: Intake
  private let reader: AdapterReader
  private let watcher: TreeWatcher
  private let dirty: DirtySet
  private let worker: Worker
  private let reporter: Reporter
  private let watchdog: Watchdog
  private let stage: Watchdog.Stage
  private let queued: @Sendable (PublishTarget, PublishPolicy) -> Void
  private let keeper: BundleKeeper?
  private let alarm: Alarm
  private let looked = Gate()

  /// - Parameters:
  ///   - intake: Takes whole states.
  ///   - own: Directories that the daemon itself writes to.
  ///   - queued: Is told that there is something to publish.
  /// - Throws: ``SystemError`` if the outputs cannot be watched at all.
  init(
    intake: Intake, own: [FilePath], worker: Worker, reporter: Reporter, watchdog: Watchdog,
    queued: @escaping @Sendable (PublishTarget, PublishPolicy) -> Void
  ) throws(SystemError) {
    section = intake.section
    self.intake = intake
    self.worker = worker
    self.reporter = reporter
    self.watchdog = watchdog
    self.queued = queued
    stage = watchdog.register("outputs \(section.outputs.shown)")
    reader = AdapterReader(outputs: section.outputs)
    keeper = section.bundle.map { BundleKeeper(at: $0) }
    let dirty = DirtySet()
    self.dirty = dirty
    alarm = Alarm { dirty.ring() }
    watcher = try TreeWatcher(
      root: section.outputs, exclusions: Exclusions(names: section.exclude, own: own + (keeper?.paths ?? [])),
      dirty: dirty, method: section.watch.method)
  }

  /// Looks again: a heartbeat.
  func ring() { dirty.ring() }

  /// Returns when the watches stand and the whole tree has been walked once.
  func waitUntilReady() async { await looked.wait() }

  /// Watches until it is cancelled.
  ///
  /// - Throws: ``SystemError`` if the kernel cannot be waited for any more, or what the ledger throws.
  func run() async throws {
    try await withThrowingDiscardingTaskGroup { group in
      group.addTask { [watcher] in try await watcher.run() }
      await watcher.waitUntilReady()
      report()
      looked.open()
      var attention = Attention(settle: section.settle)
      for await _ in dirty.rings {
        watchdog.busy(stage)
        try await look(&attention)
        watchdog.idle(stage)
        watchdog.tick()
        if let deadline = attention.nextDeadline { alarm.set(deadline, in: &group) }
      }
      group.cancelAll()
    }
    looked.open()
  }

  /// Takes the whole dirty set, and deals with what can be dealt with now.
  private func look(_ attention: inout Attention) async throws {
    // Asked first: what happened before is in the set then.
    let seen = watcher.seen
    let touched = takeMarks(&attention)
    report()
    // That nothing was heard of a directory does not mean that nothing happened in it.
    if let (directories, time) = attention.asks() { watcher.catchUp(with: directories, before: time) }

    // A checkpoint whose end can be proven need not be quiet; all else must.
    let provable = touched.filter(AdapterReader.isCheckpoint).map(reader.run(of:))
    let quiet = Set((seen.map { attention.due(at: $0) } ?? []).map(reader.run(of:)))
    for run in quiet.union(provable).sorted(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }) {
      try await consider(run, quietAt: quiet.contains(run) ? seen : nil, &attention)
      watchdog.progress(stage)
    }
  }

  private func report() {
    reporter.watching(section.outputs, directories: watcher.statistics.directories, problems: Set(watcher.problems))
  }

  /// - Returns: the directories in which something happened.
  private func takeMarks(_ attention: inout Attention) -> [FilePath] {
    switch dirty.take() {
    case .nothing: return []
    case .directories(let directories):
      for directory in directories { attention.touch(directory) }
      return Array(directories)
    case .everything(let reasons):
      let isStart = reasons == [.startup]
      if !isStart { reporter.rescan(section.outputs, reasons: reasons.map(\.rawValue).sorted()) }
      let all = watcher.directories
      for directory in all { attention.touch(directory, atStart: isStart) }
      return all
    }
  }

  /// Takes in the newest state of `run` that is whole and at rest.
  ///
  /// - Parameter time: What is known to have been quiet was so at this instant; if it is not known, only what is proven to
  ///   be whole counts.
  private func consider(_ run: FilePath, quietAt time: Attention.Instant?, _ attention: inout Attention) async throws {
    let reading: RunReading
    do {
      reading = try await worker.run { [reader] in try reader.read(run: run) }
    } catch let error as SystemError {
      // Gone meanwhile: its parent's event brings what is there now.
      if !error.isAbsence { reporter.unreadable(run, error, in: section.outputs) }
      return
    }
    for link in reading.links { reporter.notFollowed(link) }
    let (waiting, lasting, done) = report(reading, quietAt: time, &attention)
    var candidate: AdapterState?
    for state in reading.states where candidate == nil {
      if state.endIsProven {
        candidate = state
      } else if let time, attention.isAtRest(state, at: time) {
        // mlx-lm's numbered copy stands in for weights that stay torn: the trainer was killed while it wrote them.
        let isCopy = state.weights.name != state.weightsName
        let isWanted =
          isCopy
          ? lasting.contains(state.directory) : !waiting.contains(state.directory) || done.contains(state.directory)
        if isWanted { candidate = state }
      }
    }
    guard let candidate, attention.isNews(candidate) else { return }
    if section.when == .final, !candidate.isFinal {
      let rest = try await worker.run { SaveInterval.rest(after: candidate, among: reading.states) }
      let age = attention.age(of: candidate)
      if age < rest { return attention.looksAgain(in: rest - age, candidate.directory) }
    }
    await take(candidate, &attention)
  }

  /// Says what is wrong with directories that are quiet.
  ///
  /// - Returns: those that lack something, those of them that have for as long as anybody waits, and those that are done
  ///   without it.
  private func report(
    _ reading: RunReading, quietAt time: Attention.Instant?, _ attention: inout Attention
  ) -> (waiting: Set<FilePath>, lasting: Set<FilePath>, done: Set<FilePath>) {
    var waiting: Set<FilePath> = []
    var lasting: Set<FilePath> = []
    var done: Set<FilePath> = []
    func isQuiet(_ directory: FilePath) -> Bool { time.map { !attention.isSettling(directory, at: $0) } ?? false }
    for (directory, lacks) in Dictionary(grouping: reading.incomplete, by: \.directory) {
      waiting.insert(directory)
      guard isQuiet(directory) else { continue }
      let hasLasted = attention.waits(directory, for: lacks.map(\.reason).joined(separator: "; "))
      if hasLasted { lasting.insert(directory) }
      // A mark that does not come is done without.
      if hasLasted, lacks.allSatisfy(\.isOptional) { done.insert(directory) }
      // That somebody lets go of a file makes no event where there is no watch.
      if lacks.contains(where: { $0.kind == .heldOpen }) { attention.looksAgain(in: Attention.patience / 6, directory) }
      reporter.incomplete(directory, lacks, lasting: hasLasted, in: section.outputs)
    }
    attention.forget(reading.states.map(\.directory), except: waiting)
    for refusal in reading.refusals where isQuiet(refusal.directory) {
      reporter.refused(refusal.file, refusal.reason, in: section.outputs)
    }
    return (waiting, lasting, done)
  }

  private func take(_ state: AdapterState, _ attention: inout Attention) async {
    reporter.forget(state.directory)
    do {
      let outcome = try await intake.take(state)
      attention.takes(state)
      if case .queued(let publication, let bundle, _) = outcome {
        reporter.found(state, in: section.outputs)
        reporter.taken(outcome)
        if let keeper { try await worker.run { try keeper.keep(bundle) } }
        queued(publication.target, intake.policy)
      } else {
        reporter.taken(outcome)
      }
    } catch BundleError.changed(let path) {
      reporter.logger.debug("\(path.shown) is being written to; it is looked at again")
      attention.touch(state.directory)
    } catch BundleError.vanished {
      // Rotation took it away: the run's newer states count, and their events come by themselves.
      attention.touch(state.run)
    } catch {
      reporter.refused(state.weights.path, "\(error)", in: section.outputs)
      // A full disk is emptied, a mode is mended, without an event here.
      attention.looksAgain(in: Attention.patience, state.directory)
    }
  }
}

extension PublishSection.Watch {
  fileprivate var method: TreeWatcher.Method {
    switch self {
    case .auto: .auto
    case .inotify: .inotify
    case .poll: .poll
    }
  }
}
