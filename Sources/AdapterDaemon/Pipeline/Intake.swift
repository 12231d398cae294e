import Adapters
import Bundles
import DownloadTracking
import Foundation
import Kernel
import Publishing
import SystemPackage

/// Decides what becomes of a whole state: published before, older than what is published, or a bundle in the ledger.
package struct Intake: Sendable {
  /// What became of a state.
  package enum Outcome: Sendable {
    /// Staged, and in the ledger as what is to be published next.
    case queued(Publication, AdapterBundle, superseded: [Publication])
    /// Its target has it; the row says why that is known.
    case unchanged(Publication)
    /// Its target has, or will get, something newer.
    case superseded(Publication)
    /// It waits in the ledger already.
    case waiting(Publication)
    /// It would not be counted, and the user wants only what is.
    case uncounted(Publication, Verdict)
  }

  package let section: PublishSection
  private let endpoint: String
  private let ledger: Ledger
  private let bundles: FilePath
  private let builder: BundleBuilder
  private let worker: Worker

  package init(
    section: PublishSection, endpoint: String, ledger: Ledger, bundles: FilePath, cache: BaseModelCache,
    rules: CountingRules, worker: Worker
  ) {
    self.section = section
    self.endpoint = endpoint
    self.ledger = ledger
    self.bundles = bundles
    self.worker = worker
    builder = BundleBuilder(outputs: section.outputs, cache: cache, rules: rules)
  }

  /// Where a state of `run` goes.
  package func target(of run: FilePath) -> PublishTarget {
    PublishTarget(endpoint: endpoint, repo: section.repo(of: run), revision: section.revision)
  }

  /// How its target is to be treated.
  package var policy: PublishPolicy {
    PublishPolicy(
      create: section.create, isPrivate: section.isPrivate, minimumInterval: section.minimumInterval, tag: section.tag)
  }

  /// Stages the bundle of `state` at `destination`.
  ///
  /// - Throws: ``BundleError``.
  package func build(_ state: AdapterState, settings: BundleSettings, at destination: FilePath) async throws
    -> AdapterBundle
  {
    try await worker.run { try builder.build(state, settings: settings, at: destination) }
  }

  /// Takes a whole state in.
  ///
  /// - Throws: ``BundleError``, or what the ledger throws.
  package func take(_ state: AdapterState) async throws -> Outcome {
    let target = target(of: state.run)
    let section = self.section
    let settings = try await worker.run { try section.bundleSettings(repo: target.repo) }
    let stamp = SourceStamp.stamp(of: state, settings: settings)
    func row(
      _ status: Publication.Status, _ bundle: AdapterBundle?, _ reason: String?, id: String = Publication.newID()
    ) -> Publication {
      Publication(
        id: id, target: target, outputs: section.outputs, run: state.run, directory: state.directory,
        format: state.format.rawValue, step: bundle?.step ?? state.step, modified: state.weights.identity.modified,
        stamp: stamp,
        digest: bundle?.manifest.digest ?? "", bytes: bundle?.manifest.size ?? 0, status: status, reason: reason,
        created: Date())
    }

    if let known = try await ledger.decision(on: stamp, at: target) {
      switch known.status {
      case .queued, .committing, .refused: return .waiting(known)
      case .superseded where known.digest.isEmpty: return .superseded(known)
      case .superseded, .failed: break
      case .published, .unchanged:
        var skipped = known
        skipped.becomeSkipped("published before\(Self.at(known)), and not written to since")
        try await ledger.recordSkipped(skipped)
        return .unchanged(skipped)
      }
    }
    if let newer = try await newer(than: state, at: target) {
      let skipped = row(.superseded, nil, "older than \(newer.directory.shown), which is there\(Self.at(newer))")
      try await ledger.recordSkipped(skipped)
      return .superseded(skipped)
    }

    let id = Publication.newID()
    let bundle = try await build(state, settings: settings, at: bundles.appending(id))
    if let held = try await ledger.latestHeld(target), held.digest == bundle.manifest.digest,
      try await ledger.pending(target) == nil
    {
      try await discard(bundle)
      var skipped = row(.unchanged, bundle, "byte for byte what is published\(Self.at(held))")
      skipped.commit = held.commit
      try await ledger.recordSkipped(skipped)
      return .unchanged(skipped)
    }
    guard bundle.verdict.isCounted || section.publishUncounted else {
      try await discard(bundle)
      let refused = row(.failed, bundle, "\(bundle.verdict.summary); publish_uncounted = false")
      try await ledger.recordSkipped(refused)
      return .uncounted(refused, bundle.verdict)
    }
    let publication = row(.queued, bundle, nil, id: id)
    let superseded = try await ledger.enqueue(publication)
    for old in superseded { try await remove(bundles.appending(old.id)) }
    return .queued(publication, bundle, superseded: superseded)
  }

  /// What the target has, or will get, that was written after `state`.
  private func newer(than state: AdapterState, at target: PublishTarget) async throws -> Publication? {
    let modified = state.weights.identity.modified
    for other in [try await ledger.pending(target), try await ledger.latestPublished(target)] {
      if let other, other.modified > modified { return other }
    }
    return nil
  }

  private static func at(_ publication: Publication) -> String {
    publication.commit.map { " as \(publication.target)@\($0.prefix(7))" } ?? ""
  }

  private func discard(_ bundle: AdapterBundle) async throws {
    try await remove(bundle.directory)
  }

  private func remove(_ directory: FilePath) async throws {
    try await worker.run { try removeTree(directory) }
  }
}
