import Bundles
import Foundation
import SystemPackage

/// One row of the ledger: a state of an adapter on its way to a target, or why it did not go there.
package struct Publication: Sendable, Equatable {
  /// How far it has come.
  package enum Status: String, Sendable, CaseIterable {
    /// The bundle is staged and is to be published.
    case queued
    /// A commit of it was sent; whether it arrived is to be found out before another is.
    case committing
    /// It is at the destination, and verified there.
    case published
    /// The destination, or the ledger, had it already.
    case unchanged
    /// A newer state took its place.
    case superseded
    /// The destination will not take it before somebody mends what `reason` says; it waits for the next start or reload.
    case refused
    /// It will not be published; `reason` says why.
    case failed

    /// Whether its bundle is still wanted.
    package var isPending: Bool { self == .queued || self == .committing || self == .refused }
  }

  /// 16 hexadecimal digits; the name of the staged bundle.
  package private(set) var id: String
  package let target: PublishTarget
  /// The outputs tree, the run in it, and the directory that holds the weights.
  package let outputs: FilePath
  package let run: FilePath
  package let directory: FilePath
  /// `mlx` or `peft`.
  package let format: String
  /// Iterations, if known.
  package let step: Int?
  /// When the weights were last written, nanoseconds since 1970.
  package let modified: Int64
  /// The state's files and settings without their contents, see ``SourceStamp``.
  package let stamp: String
  /// The bundle's digest, see `Manifest.digest`; empty where no bundle was made.
  package let digest: String
  /// Bytes of the bundle.
  package let bytes: Int64
  package var status: Status
  /// Why it is what it is, for people.
  package var reason: String?
  /// The head before, as far as known.
  package var parent: String?
  /// The commit that holds it.
  package var commit: String?
  /// Tries so far.
  package var attempts: Int
  /// When it was queued, and when its status last changed.
  package private(set) var created: Date
  package var updated: Date
  /// From the first try to the verified commit.
  package var duration: Duration?
  /// Not to be tried again before.
  package var notBefore: Date?

  package init(
    id: String = Publication.newID(), target: PublishTarget, outputs: FilePath, run: FilePath, directory: FilePath,
    format: String, step: Int?, modified: Int64, stamp: String, digest: String, bytes: Int64, status: Status,
    reason: String? = nil, parent: String? = nil, commit: String? = nil, attempts: Int = 0, created: Date,
    updated: Date? = nil, duration: Duration? = nil, notBefore: Date? = nil
  ) {
    self.id = id
    self.target = target
    self.outputs = outputs
    self.run = run
    self.directory = directory
    self.format = format
    self.step = step
    self.modified = modified
    self.stamp = stamp
    self.digest = digest
    self.bytes = bytes
    self.status = status
    self.reason = reason
    self.parent = parent
    self.commit = commit
    self.attempts = attempts
    self.created = created
    self.updated = updated ?? created
    self.duration = duration
    self.notBefore = notBefore
  }

  /// Turns a copy of what is known of a state into the note, a row of its own, that it needed no commit now.
  package mutating func becomeSkipped(_ reason: String, now: Date = Date()) {
    id = Publication.newID()
    status = .unchanged
    self.reason = reason
    parent = nil
    attempts = 0
    duration = nil
    notBefore = nil
    created = now
    updated = now
  }

  /// A new random id.
  package static func newID() -> String {
    let digits = String(UInt64.random(in: .min ... .max), radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// The title of its commit.
  package var summary: String {
    let name = target.repo.split(separator: "/").last.map(String.init) ?? target.repo
    return "Publish \(name)" + (step.map { " at iteration \($0)" } ?? "")
  }
}
