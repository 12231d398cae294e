import Adapters
import Bundles
import Foundation
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
      dirty: dirty, method: section.watch == .poll ? .poll : .inotify)
  }

  /// Looks again: a heartbeat.
  func ring() { dirty.ring() }

  /// Returns when the watches stand and everything that was there has been looked at once.
  func waitUntilReady() async { await looked.wait() }

  /// Watches until it is cancelled.
  ///
  /// - Throws: ``SystemError`` if the kernel cannot be waited for any more, or what the ledger throws.
  func run() async throws {
    try await withThrowingDiscardingTaskGroup { group in
      group.addTask { [watcher] in try await watcher.run() }
      await watcher.waitUntilReady()
      var attention = Attention(settle: section.settle)
      for await _ in dirty.rings {
        watchdog.busy(stage)
        try await look(&attention)
        watchdog.idle(stage)
        watchdog.tick()
        if let deadline = attention.nextDeadline { alarm.set(deadline, in: &group) }
        looked.open()
      }
      group.cancelAll()
    }
    looked.open()
  }

  /// Takes the whole dirty set, and deals with what can be dealt with now.
  private func look(_ attention: inout Attention) async throws {
    var touched: [FilePath] = []
    switch dirty.take() {
    case .nothing: break
    case .directories(let directories): touched = Array(directories)
    case .everything(let reasons):
      if reasons != [.startup] { reporter.rescan(section.outputs, reasons: reasons.map(\.rawValue).sorted()) }
      touched = watcher.directories
    }
    for directory in touched { attention.touch(directory) }
    reporter.watching(section.outputs, directories: watcher.statistics.directories)
    for problem in watcher.problems { reporter.degraded(section.outputs, problem.path, problem.description) }
    if let degraded = watcher.statistics.degraded { reporter.degraded(section.outputs, section.outputs, degraded) }

    // A checkpoint whose end can be proven need not be quiet; all else must.
    let provable = touched.filter { $0.lastComponent?.shown.hasPrefix("checkpoint-") == true }
    let runs = Set((attention.settled() + attention.overdue() + provable).map(reader.run(of:)))
    for run in runs.sorted(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }) {
      try await consider(run, &attention)
      watchdog.progress(stage)
    }
  }

  /// Takes in the newest state of `run` that is whole and at rest.
  private func consider(_ run: FilePath, _ attention: inout Attention) async throws {
    let reading: RunReading
    do {
      reading = try await worker.run { [reader] in try reader.read(run: run) }
    } catch let error as SystemError {
      // Gone meanwhile: its parent's event brings what is there now.
      if error.errno != .noSuchFileOrDirectory { reporter.degraded(section.outputs, run, "\(error)") }
      return
    }
    var waiting: Set<FilePath> = []
    var lasting: Set<FilePath> = []
    var done: Set<FilePath> = []
    for (directory, lacks) in Dictionary(grouping: reading.incomplete, by: \.directory)
    where !attention.settler.isSettling(directory) {
      waiting.insert(directory)
      let reason = lacks.map(\.reason).joined(separator: "; ")
      let hasLasted = attention.waits(directory, for: reason)
      if hasLasted { lasting.insert(directory) }
      // A mark that does not come is done without.
      if hasLasted, lacks.allSatisfy(\.isOptional) { done.insert(directory) }
      reporter.incomplete(directory, reason, lasting: hasLasted, in: section.outputs)
    }
    attention.forget(reading.states.map(\.directory), except: waiting)
    for refusal in reading.refusals where !attention.settler.isSettling(refusal.directory) {
      reporter.refused(refusal.file, refusal.reason, in: section.outputs)
    }
    let candidate = reading.states.first { state in
      if state.endIsProven { return true }
      if attention.settler.isSettling(state.directory) { return false }
      // mlx-lm's numbered copy stands in for weights that stay torn: the trainer was killed while it wrote them.
      if state.weights.name != state.weightsName { return lasting.contains(state.directory) }
      return !waiting.contains(state.directory) || done.contains(state.directory)
    }
    guard let candidate, attention.isNews(candidate) else { return }
    if section.when == .final, !candidate.isFinal {
      if try await !isOver(candidate, reading, &attention) { return }
    }
    await take(candidate, &attention)
  }

  /// Whether the training of a state that does not say so itself is over: nothing was written for several times as long
  /// as it took from save to save.
  private func isOver(_ state: AdapterState, _ reading: RunReading, _ attention: inout Attention) async throws -> Bool {
    let rest = try await worker.run { SaveInterval.rest(after: state, among: reading.states) }
    let age = Date().timeIntervalSince1970 - Double(state.weights.identity.modified) / 1e9
    if age >= rest.seconds { return true }
    attention.looksAgain(at: .now + .seconds(rest.seconds - age), state.directory)
    return false
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
      attention.looksAgain(at: .now + Attention.patience, state.directory)
    }
  }
}
