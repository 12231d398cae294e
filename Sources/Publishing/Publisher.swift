import Bundles
import Foundation
import Kernel
import SystemPackage

/// Takes what the ledger says is to be published to its destinations: targets side by side, one target in order.
package struct Publisher: Sendable {
  /// What happened to a publication; each is to be reported once.
  package enum Progress: Sendable {
    /// Another process is publishing to its target: it waits for that.
    case waiting(Publication)
    case started(Publication)
    case published(Publication, notes: [String])
    case unchanged(Publication, notes: [String])
    case superseded(Publication)
    case retry(Publication, error: DestinationError, wait: Duration)
    /// It waits until somebody has mended what is wrong.
    case refused(Publication, error: DestinationError)
  }

  private let ledger: Ledger
  private let destination: any Destination
  private let bundles: FilePath
  private let locks: FilePath
  private let backoff: Backoff
  private let now: @Sendable () -> Date
  private let report: @Sendable (Progress) -> Void

  /// - Parameters:
  ///   - ledger: Where intents come from and facts go to.
  ///   - destination: Where bundles go.
  ///   - bundles: The directory of the staged bundles.
  ///   - locks: A directory for a lock for each target: a daemon and `adapterd publish` share a ledger, and one of them
  ///     publishes to a target at a time.
  ///   - backoff: How long to wait between tries.
  ///   - now: The wall clock: intervals between commits outlive the process.
  ///   - report: Is told what happens; must not block.
  package init(
    ledger: Ledger, destination: any Destination, bundles: FilePath, locks: FilePath, backoff: Backoff = Backoff(),
    now: @escaping @Sendable () -> Date = { Date() }, report: @escaping @Sendable (Progress) -> Void
  ) {
    self.ledger = ledger
    self.destination = destination
    self.bundles = bundles
    self.locks = locks
    self.backoff = backoff
    self.now = now
    self.report = report
  }

  /// When `publication` may be tried: after its wait, and after the least interval since the last commit to its target.
  package func due(_ publication: Publication, policy: PublishPolicy) async throws -> Date {
    let waited = publication.notBefore ?? .distantPast
    // A try that may have arrived is settled first, whatever the interval.
    guard publication.status == .queued, let last = try await ledger.latestPublished(publication.target) else {
      return waited
    }
    let seconds = policy.minimumInterval.seconds
    let allowed = last.updated.addingTimeInterval(seconds)
    // A clock that was set back must not hold a publication up for longer than the interval.
    return max(waited, min(allowed, now().addingTimeInterval(seconds)))
  }

  /// Tries `publication` once and writes into the ledger what became of it.
  ///
  /// - Returns: the row as it is then, and why it is not published if it is not.
  /// - Throws: what the ledger throws; then nothing is known to be published, and the intent stays.
  package func publish(
    _ publication: Publication, policy: PublishPolicy,
    onProgress: @escaping @Sendable (TransferProgress) -> Void = { _ in }
  ) async throws -> (Publication, DestinationError?) {
    let lock = try await lock(for: publication)
    let result = try await attempt(publication, policy: policy, onProgress: onProgress)
    lock.release()
    return result
  }

  private func attempt(
    _ publication: Publication, policy: PublishPolicy, onProgress: @escaping @Sendable (TransferProgress) -> Void
  ) async throws -> (Publication, DestinationError?) {
    var publication = publication
    // An earlier try may have arrived though its reply was lost.
    let wasTried = publication.attempts > 0
    publication.attempts += 1
    publication.status = .committing
    publication.updated = now()
    // Superseded, or published by another process, between the look at the ledger and now: nothing is to be done.
    guard try await ledger.begin(publication) else {
      return (try await ledger.row(publication.id) ?? publication, nil)
    }
    let directory = bundles.appending(publication.id)
    guard let bundle = StagedBundle(at: directory) else {
      publication.status = .superseded
      publication.reason = "its staged bundle is gone; the next look at the outputs makes a new one"
      try await ledger.save(publication)
      return (publication, nil)
    }
    report(.started(publication))
    let started = ContinuousClock.now
    do throws(DestinationError) {
      let receipt = try await destination.publish(
        bundle, as: publication, policy: policy, onProgress: onProgress)
      publication.duration = ContinuousClock.now - started
      publication.updated = now()
      publication.notBefore = nil
      switch receipt {
      case .committed(let commit, let parent, _, let notes):
        publication.status = .published
        publication.commit = commit
        publication.parent = parent
        publication.reason = nil
        try await write(publication)
        report(.published(publication, notes: notes))
      case .unchanged(let head, let notes):
        publication.status = wasTried ? .published : .unchanged
        publication.commit = head
        publication.reason =
          wasTried
          ? "an earlier try had arrived; found at \(head.prefix(7))"
          : "the destination has the same files at \(head.prefix(7))"
        try await write(publication)
        report(wasTried ? .published(publication, notes: notes) : .unchanged(publication, notes: notes))
      case .superseded(let commit):
        publication.status = .superseded
        publication.commit = commit
        publication.reason = "the destination holds a newer state since \(commit.prefix(7))"
        try await write(publication)
        report(.superseded(publication))
      }
      try? removeTree(directory)
    } catch {
      publication.updated = now()
      publication.reason = error.description
      switch error {
      case .temporary, .unwritable:
        let wait = backoff.wait(afterAttempts: publication.attempts, asked: error.after)
        publication.status = .queued
        publication.notBefore = now().addingTimeInterval(wait.seconds)
        try await ledger.save(publication)
        report(.retry(publication, error: error, wait: wait))
      case .unauthorized, .refused:
        publication.status = .refused
        try await ledger.save(publication)
        report(.refused(publication, error: error))
      }
      return (publication, error)
    }
    return (publication, nil)
  }

  /// How often is looked whether another process has ended.
  private static let lockInterval: Duration = .milliseconds(500)

  /// Waits until no other process publishes to the target of `publication`.
  private func lock(for publication: Publication) async throws -> FileLock {
    let target = publication.target
    var isSaid = false
    let name = "\(target.repo)@\(target.revision)".replacing("/", with: "--") + ".lock"
    while true {
      do throws(SystemError) {
        return try FileLock(at: locks.appending(name), waiting: false)
      } catch {
        if error.errno != .wouldBlock { throw error }
      }
      if !isSaid { report(.waiting(publication)) }
      isSaid = true
      try await Task.sleep(for: Self.lockInterval)
    }
  }

  private func write(_ publication: Publication) async throws(DestinationError) {
    do {
      try await shielded { [ledger] () async throws(any Error) in try await ledger.save(publication) }
    } catch {
      // The commit is made; only the note of it is not. The next try finds it there and makes none.
      throw .temporary("published, but the ledger cannot be written: \(error)", after: nil)
    }
  }
}
