extension Duration {
  /// Whole microseconds: what systemd, the journal and the ledger count in.
  package var microseconds: Int64 {
    components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
  }

  /// Seconds, for what counts in fractions of them.
  package var seconds: Double { Double(microseconds) / 1_000_000 }
}
