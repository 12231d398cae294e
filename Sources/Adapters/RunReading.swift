import SystemPackage

/// An adapter that is not whole yet. It may become so by itself; if it does not, somebody should hear of it.
package struct Incomplete: Sendable, Hashable {
  package enum Kind: Sendable, Hashable {
    /// A file ends early, or is being written.
    case torn
    /// A file that every adapter has is not there.
    case missing(String)
    /// Weights and configuration are not of the same training.
    case disagrees
    /// Nothing is missing, but the trainer is known to write this file after what is there. The state is listed too, for
    /// a caller who has waited long enough.
    case waitsFor(String)
    /// It would be whole, but somebody has the weights open for writing, and may not be done with them.
    case heldOpen
    /// It would be whole, but a part of the weights was never written, and nobody can tell whether somebody is about to.
    /// The state is listed too, for a caller who has waited long enough.
    case sparse
  }

  package let directory: FilePath
  /// What is missing or torn, in words.
  package let reason: String
  package let kind: Kind

  package init(directory: FilePath, reason: String, kind: Kind) {
    self.directory = directory
    self.reason = reason
    self.kind = kind
  }

  /// Whether the adapter is one without what is waited for: an end mark, a numbered copy, bytes that are zeros anyway.
  /// Weights that are to come are not: what lies there now belongs to another configuration.
  package var isOptional: Bool {
    switch kind {
    case .waitsFor(let file): ![AdapterFormat.mlx, .peft].map(\.weightsName).contains(file)
    case .sparse: true
    case .torn, .missing, .disagrees, .heldOpen: false
    }
  }
}

/// Something that calls itself an adapter and will not become one that can be published, unless somebody does something.
package struct Refusal: Sendable, Hashable {
  package let directory: FilePath
  package let file: FilePath
  /// Why, in words, and what to do where that is known.
  package let reason: String

  package init(directory: FilePath, file: FilePath, reason: String) {
    self.directory = directory
    self.file = file
    self.reason = reason
  }
}

/// All that lies in one run.
package struct RunReading: Sendable, Equatable {
  /// The newest first.
  package var states: [AdapterState]
  package var incomplete: [Incomplete]
  package var refusals: [Refusal]
  /// Symbolic links that stand where something else of an adapter could, and are not followed; not more than a few of
  /// each directory.
  package var links: [FilePath]

  package init(
    states: [AdapterState] = [], incomplete: [Incomplete] = [], refusals: [Refusal] = [], links: [FilePath] = []
  ) {
    self.states = states
    self.incomplete = incomplete
    self.refusals = refusals
    self.links = links
  }
}
