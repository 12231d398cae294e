import SystemPackage

/// Where the daemon keeps what must outlive it, and what need not.
package struct StatePaths: Sendable, Equatable {
  /// `$STATE_DIRECTORY`, else `$XDG_STATE_HOME/adapterd`, else `~/.local/state/adapterd`.
  package let state: FilePath
  /// `$RUNTIME_DIRECTORY`, else `$XDG_RUNTIME_DIR/adapterd`, else `run` in the state directory.
  package let runtime: FilePath

  package init(environment: [String: String]) {
    func directory(_ variable: String) -> FilePath? {
      // systemd separates several by colons; ours has one name, so the first is the one. See systemd.exec(5).
      guard let value = environment[variable]?.split(separator: ":").first, value.hasPrefix("/") else { return nil }
      return FilePath(String(value))
    }
    state =
      directory("STATE_DIRECTORY") ?? directory("XDG_STATE_HOME")?.appending("adapterd")
      ?? directory("HOME")?.appending(".local/state/adapterd") ?? "/var/lib/adapterd"
    runtime =
      directory("RUNTIME_DIRECTORY") ?? directory("XDG_RUNTIME_DIR")?.appending("adapterd")
      ?? state.appending("run")
  }

  package var ledger: FilePath { state.appending("ledger.sqlite") }
  package var bundles: FilePath { state.appending("bundles") }
  package var locks: FilePath { state.appending("locks") }
}
