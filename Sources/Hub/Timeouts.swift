/// How long the client waits, and for what. None bounds a whole upload: a big file on a slow line may take hours, but
/// it has to move.
package struct Timeouts: Sendable {
  /// For a connection, with its TLS handshake.
  package var connect: Duration
  /// For the next sign of life: bytes of a reply, or a peer that takes bytes of a request.
  package var idle: Duration
  /// The longest pause that is waited for here when the Hub asks for one; a longer one is thrown to the caller.
  package var patience: Duration
  /// The pause before the first repetition of a small call, doubled for each further one and drawn at random up to that.
  package var backoff: Duration
  /// How often a small call is repeated.
  package var retries: Int

  /// All have a value that suits a daemon; see the properties.
  package init(
    connect: Duration = .seconds(10), idle: Duration = .seconds(60), patience: Duration = .seconds(10),
    backoff: Duration = .milliseconds(500), retries: Int = 3
  ) {
    self.connect = connect
    self.idle = idle
    self.patience = patience
    self.backoff = backoff
    self.retries = retries
  }

  /// What a daemon uses.
  package static let `default` = Timeouts()

  /// Full jitter: anything up to the doubled pause, so that many clients do not come back at once.
  ///
  /// - Parameter attempt: 0 for the first repetition.
  func pause(beforeRetry attempt: Int) -> Duration {
    let most = min(backoff * (1 << min(attempt, 16)), .seconds(8))
    return most * Double.random(in: 0...1)
  }
}
