/// What went wrong at the Hub or on the way to it, where, and what can be done about it.
package struct HubError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What follows from it.
  package enum Kind: Sendable, Equatable {
    /// The token is missing, wrong or expired.
    case unauthorized
    /// The token is right, but may not do this.
    case forbidden
    /// The repo, revision or page is not there, or not for this token's eyes.
    case notFound
    /// The Hub, or this client for it, will never accept this.
    case refused
    /// Somebody else was faster, again and again.
    case conflict
    /// Too many requests, or the Hub asks for patience; it may have said how long.
    case rateLimited(retryAfter: Duration?)
    /// No connection, no answer in time, or a server error that did not pass by itself.
    case unavailable
    /// Something answered that is not the Hub, or not in its language.
    case invalidReply
  }

  /// For callers: what to do next depends on it.
  package let kind: Kind
  /// Of HTTP; `nil` if there was no answer.
  package let status: Int?
  /// The Hub's own words where it had some.
  package let message: String
  /// By which the Hub's people find the request.
  package let requestID: String?
  /// Where it happened: the path on the Hub, or host and path elsewhere; never a query, which may hold a signature.
  package let path: String?
  /// `X-Error-Code`, e.g. `RepoNotFound`.
  let code: String?
  /// What a person can do about it.
  let remedy: String?

  init(
    _ kind: Kind, status: Int? = nil, message: String, requestID: String? = nil, path: String? = nil,
    code: String? = nil, remedy: String? = nil
  ) {
    self.kind = kind
    self.status = status
    self.message = message
    self.requestID = requestID
    self.path = path
    self.code = code
    self.remedy = remedy
  }

  /// For people: what happened, where, and what to do.
  package var description: String {
    let request = requestID.map { "request \($0)" }
    var text: String
    if let title {
      let place = [status.map(String.init), path.map { "at \($0)" }].compactMap(\.self).joined(separator: " ")
      text = "\(title) (\(["\(place): \(message)", request].compactMap(\.self).joined(separator: "; ")))"
    } else {
      let place = [path.map { "at \($0)" }, request].compactMap(\.self).joined(separator: "; ")
      text = place.isEmpty ? message : "\(message) (\(place))"
    }
    if let remedy { text += "; \(remedy)" }
    return text
  }

  /// Said before the Hub's words, for kinds whose consequence they may not make clear. What never came to the Hub is
  /// said by the message alone.
  private var title: String? {
    guard status != nil else { return nil }
    return switch kind {
    case .unauthorized: "the Hub refused the token"
    case .forbidden: "the Hub does not allow this with this token"
    case .notFound: "the Hub does not have it, or does not show it with this token"
    case .refused: "the Hub refused the request"
    case .conflict: "somebody else was faster"
    case .rateLimited(let wait?): "the Hub asks to wait \(wait.components.seconds) s"
    case .rateLimited(nil): "the Hub asks to wait"
    case .unavailable: "the Hub is not available"
    case .invalidReply: "this is no answer of a Hub"
    }
  }

  /// The same with another remedy.
  func advising(_ remedy: String) -> HubError {
    HubError(kind, status: status, message: message, requestID: requestID, path: path, code: code, remedy: remedy)
  }
}
