import Bundles
import Foundation

/// Where bundles go: the Hub, or a store on a disk.
package protocol Destination: Sendable {
  /// Makes `bundle` the state of `target` by one commit, and verifies it there. What is there already makes none.
  ///
  /// - Parameters:
  ///   - bundle: Staged and immutable.
  ///   - publication: Its row: what the commit is called, where it goes.
  ///   - policy: How the target is to be treated.
  ///   - onProgress: Is told each time that some of it has moved on: a sign of life.
  /// - Throws: ``DestinationError``.
  func publish(
    _ bundle: StagedBundle, as publication: Publication, policy: PublishPolicy,
    onProgress: @escaping @Sendable (TransferProgress) -> Void
  ) async throws(DestinationError) -> Receipt
}

/// How much of one file has gone to the destination.
package struct TransferProgress: Sendable, Equatable {
  package let file: String
  /// Bytes. Less than before if some of it has to go again.
  package let sent: Int64
  package let total: Int64

  package init(file: String, sent: Int64, total: Int64) {
    self.file = file
    self.sent = sent
    self.total = total
  }
}

/// What a destination answers.
package enum Receipt: Sendable, Equatable {
  /// A commit was made.
  /// - Parameter bytes: Uploaded for it; less than the bundle's where the destination had some of it.
  case committed(commit: String, parent: String?, bytes: Int64, notes: [String])
  /// Everything was there already, at this head.
  case unchanged(head: String, notes: [String])
  /// It holds a newer state, since this commit.
  case superseded(by: String)
}

/// Why a destination did not take a bundle, split by what follows from it.
package enum DestinationError: Error, Sendable, Equatable, CustomStringConvertible {
  /// It may heal by itself: try again, not before `after` if that is given.
  case temporary(String, after: Duration?)
  /// The token is refused, or may not do this: nothing goes until it is mended.
  case unauthorized(String)
  /// It will not heal by itself.
  case refused(String)
  /// The destination's disk cannot be written to; that may heal too.
  case unwritable(String)

  /// What the other side asked for.
  var after: Duration? {
    guard case .temporary(_, let after) = self else { return nil }
    return after
  }

  package var description: String {
    switch self {
    case .temporary(let reason, _), .unauthorized(let reason), .refused(let reason), .unwritable(let reason): reason
    }
  }
}
