import Bundles
import Foundation
import Kernel
import Logging
import Publishing
import Reports
import SystemPackage

/// All that runs under one configuration: a pipeline for each section, one publishing loop. A reload replaces it whole.
final class Generation: Sendable {
  let workspace: Workspace
  private let pipelines: [SectionPipeline]
  private let intakes: [Intake]
  private let publishing: PublishingLoop
  private let watchdog: Watchdog
  private let stopping = Gate()

  /// How long a publication in flight may take to end after a stop was asked for; below `TimeoutStopSec`.
  private static let grace: Duration = .seconds(60)

  /// - Parameter workspace: The caller's to close, whether this throws or not.
  /// - Throws: ``Failure`` if outputs cannot be watched.
  init(_ workspace: Workspace, reporter: Reporter, watchdog: Watchdog) throws(Failure) {
    let configuration = workspace.configuration
    self.workspace = workspace
    self.watchdog = watchdog
    let publisher = Publisher(
      ledger: workspace.ledger, destination: workspace.destination, bundles: workspace.paths.bundles,
      locks: workspace.paths.locks
    ) { reporter.progress($0) }
    let publishing = PublishingLoop(
      ledger: workspace.ledger, publisher: publisher, reporter: reporter, watchdog: watchdog)
    self.publishing = publishing
    let own = [workspace.paths.state, workspace.paths.runtime, configuration.store].compactMap { $0 }
    var pipelines: [SectionPipeline] = []
    var intakes: [Intake] = []
    for section in configuration.publish {
      let worker = Worker("outputs")
      let intake = workspace.intake(section, worker)
      intakes.append(intake)
      do throws(SystemError) {
        pipelines.append(
          try SectionPipeline(intake: intake, own: own, worker: worker, reporter: reporter, watchdog: watchdog) {
            publishing.ring($0, policy: $1)
          })
      } catch {
        throw Failure(.unavailable, "\(section.outputs.shown) cannot be watched: \(error)")
      }
    }
    self.pipelines = pipelines
    self.intakes = intakes
  }

  /// Removes what an earlier process staged and nobody waits for, and takes up what is still to be published.
  ///
  /// - Throws: what the ledger or the file system throws.
  func sweep() async throws {
    let pending = try await workspace.ledger.pending()
    let wanted = Set(pending.map(\.id))
    for name in try names(in: workspace.paths.bundles) where !wanted.contains(name.string) {
      try removeTree(workspace.paths.bundles.appending(name))
    }
  }

  /// Returns when every watch stands and every tree has been walked once.
  func waitUntilReady() async {
    for pipeline in pipelines { await pipeline.waitUntilReady() }
  }

  /// Looks at no more outputs, and begins no more publications; ``run()`` ends when those in flight have ended.
  ///
  /// - Parameter atOnce: Whether uploads are left for the next start. A commit is finished, for which the service manager
  ///   is asked for time.
  func stop(atOnce: Bool, _ service: ServiceManager) {
    if atOnce, publishing.isBusy { service.extendTimeout(Self.grace) }
    if atOnce { publishing.stop(atOnce: true) }
    stopping.open()
  }

  private enum Part {
    case pipelines, publishing, patience
  }

  /// Runs until ``stop()`` or until it is cancelled.
  ///
  /// - Throws: what keeps it from going on: the ledger, the kernel.
  func run() async throws {
    try await announcePending()
    try await withThrowingTaskGroup(of: Part.self) { group in
      group.addTask { [publishing] in
        try await publishing.run()
        return .publishing
      }
      group.addTask { [self] in
        try await runPipelines()
        return .pipelines
      }
      publishing.ring()
      while let part = try await group.next() {
        switch part {
        case .pipelines:
          // What is in flight is given time; then it is cut off, and taken up at the next start.
          publishing.stop(atOnce: false)
          group.addTask {
            try? await Task.sleep(for: Self.grace)
            return .patience
          }
        case .publishing, .patience: group.cancelAll()
        }
      }
    }
  }

  private struct Stopped: Error {}

  private func runPipelines() async throws {
    do {
      try await withThrowingDiscardingTaskGroup { group in
        for pipeline in pipelines { group.addTask { try await pipeline.run() } }
        if let period = watchdog.period {
          group.addTask { [self] in
            while !Task.isCancelled {
              try? await Task.sleep(for: period)
              beat()
            }
          }
        }
        group.addTask { [stopping] in
          await stopping.wait()
          throw Stopped()
        }
      }
    } catch is Stopped {
    } catch is CancellationError {
    }
  }

  /// Wakes every loop; the ping to the service manager comes from the loops themselves, so that a hung one is noticed.
  private func beat() {
    for pipeline in pipelines { pipeline.ring() }
    publishing.ring()
  }

  /// Tells the publishing loop how to treat what an earlier process left; what no section publishes any more waits.
  private func announcePending() async throws {
    try await workspace.ledger.releaseRefused()
    for publication in try await workspace.ledger.pending() {
      let intake = intakes.first { intake in
        intake.section.outputs == publication.outputs && intake.target(of: publication.run) == publication.target
      }
      if let intake { publishing.ring(publication.target, policy: intake.policy) }
    }
  }
}
