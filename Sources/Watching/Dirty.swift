import SystemPackage

/// What has changed since the last look: nothing, some directories, or "look at everything".
package enum Dirty: Sendable, Equatable {
  case nothing
  case directories(Set<FilePath>)
  case everything(reasons: Set<RescanReason>)
}

/// Why everything has to be looked at again; the raw value is what the journal says.
package enum RescanReason: String, Sendable, Hashable, CaseIterable {
  /// The watches are in place for the first time; what was there before has made no event.
  case startup
  /// The configuration was read again, or somebody asked for it.
  case reload
  /// The kernel's queue was full and events were dropped (`IN_Q_OVERFLOW`).
  case overflow
  /// More directories changed between two looks than are kept apart.
  case tooMany = "too-many"
  /// The watched directory was not there, and is now.
  case rootAppeared = "root-appeared"
  /// Another directory stands where the watched one stood: renamed, mounted over, a symbolic link switched.
  case rootReplaced = "root-replaced"
}
