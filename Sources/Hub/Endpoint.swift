import Foundation

/// Where the Hub is: an https URL, or an http URL on this machine.
package struct Endpoint: Sendable, Hashable {
  /// The base of every URL, without a slash at its end.
  package let url: String
  /// The only place that the token goes to.
  let origin: Origin

  /// - Throws: ``HubError`` of kind `refused` that says what is wrong with `text`.
  package init(parsing text: String) throws(HubError) {
    func refuse(_ reason: String) -> HubError {
      // Not the text itself: someone may have put a password into it.
      HubError(.refused, message: "this is no endpoint of a Hub: \(reason)", remedy: "write https://host")
    }
    guard let parts = URLComponents(string: text, encodingInvalidCharacters: false) else {
      throw refuse("it is no URL")
    }
    guard parts.user == nil, parts.password == nil else { throw refuse("a user name does not belong into it") }
    guard parts.query == nil, parts.fragment == nil else { throw refuse("a query or fragment does not belong into it") }
    guard let origin = Origin(parts) else { throw refuse("it needs https:// and a host") }
    guard origin.scheme == "https" || origin.isLoopback else {
      throw refuse("http:// is for this machine only (127.0.0.1, ::1, localhost): the token must not travel in clear")
    }
    var path = parts.percentEncodedPath[...]
    while path.last == "/" { path.removeLast() }
    self.origin = origin
    url = "\(origin)\(path)"
  }

  /// Whether it is http on this machine, as in tests; then URLs in its replies may be http on this machine too.
  var isPlain: Bool { origin.scheme == "http" }

  /// Where a person makes a token.
  var tokenPage: String { "\(url)/settings/tokens" }

  /// A URL out of a reply, named on this endpoint if it names the public Hub: a Hub behind a proxy does not know the
  /// proxy's name. huggingface_hub does the same.
  func adopting(_ href: String) -> String {
    let home = "https://huggingface.co"
    guard url != home, href.hasPrefix("\(home)/") else { return href }
    return url + href.dropFirst(home.count)
  }

  /// Whether something may be sent to `href`: over TLS, or within this machine where the endpoint is.
  func permits(_ href: String) -> Bool {
    guard let target = Self.origin(of: href) else { return false }
    return target.scheme == "https" || (isPlain && target.isLoopback)
  }

  static func origin(of url: String) -> Origin? {
    URLComponents(string: url).flatMap(Origin.init)
  }
}
