import AsyncHTTPClient
import Foundation
import NIOHTTP1

/// Which requests go by a proxy, as the environment says it: `HTTPS_PROXY`, else `ALL_PROXY`, and `NO_PROXY`, each in
/// lower case too, which wins, as with curl(1).
///
/// Only https goes by a proxy, in a tunnel that it cannot look into: plain http is for this machine alone.
package struct Proxies: Sendable, Equatable {
  private let server: Server?
  private let exceptions: [String]

  /// A proxy's place.
  struct Server: Sendable, Equatable {
    enum Kind: Sendable { case http, socks }
    let kind: Kind
    let host: String
    let port: Int
    let user: String?
    let password: String?
  }

  /// What is wrong with the environment.
  package struct Invalid: Error, CustomStringConvertible {
    package let description: String
  }

  /// No proxy.
  package static let none = Proxies()

  private init() {
    server = nil
    exceptions = []
  }

  /// - Throws: ``Invalid`` for a proxy that this client cannot use.
  package init(environment: [String: String]) throws(Invalid) {
    func value(_ name: String) -> (name: String, text: String)? {
      for name in [name.lowercased(), name] {
        if let text = environment[name]?.trimmingCharacters(in: .whitespaces), !text.isEmpty { return (name, text) }
      }
      return nil
    }
    if let (name, text) = value("HTTPS_PROXY") ?? value("ALL_PROXY") {
      server = try Server(parsing: text, from: name)
    } else {
      server = nil
    }
    exceptions = (value("NO_PROXY")?.text ?? "").split { $0 == "," || $0 == " " }.map { $0.lowercased() }
  }

  /// Whether requests to `origin` go by the proxy.
  func concern(_ origin: Origin) -> Bool {
    guard server != nil, origin.scheme == "https" else { return false }
    return !exceptions.contains { exception in
      if exception == "*" { return true }
      var name = exception[...]
      // `host:port` is for that port only; an IPv6 address has colons of its own.
      if let colon = name.lastIndex(of: ":"), name.firstIndex(of: ":") == colon || name[..<colon].hasSuffix("]") {
        guard Int(name[name.index(after: colon)...]) == origin.port else { return false }
        name = name[..<colon]
      }
      if name.hasPrefix("["), name.hasSuffix("]") { name = name.dropFirst().dropLast() }
      while name.hasPrefix(".") || name.hasPrefix("*.") { name = name.drop { $0 == "*" }.dropFirst() }
      return origin.host == name || origin.host.hasSuffix(".\(name)")
    }
  }

  /// For the HTTP library; `nil` if there is none.
  var configuration: HTTPClient.Configuration.Proxy? {
    guard let server else { return nil }
    switch server.kind {
    case .socks: return .socksServer(host: server.host, port: server.port)
    case .http:
      guard let user = server.user else { return .server(host: server.host, port: server.port) }
      return .server(
        host: server.host, port: server.port,
        authorization: .basic(username: user, password: server.password ?? ""))
    }
  }
}

extension Proxies.Server {
  init(parsing text: String, from name: String) throws(Proxies.Invalid) {
    // Never the value itself: it may hold a password.
    func refuse(_ reason: String) -> Proxies.Invalid {
      Proxies.Invalid(description: "\(name): \(reason); write http://host:port")
    }
    guard let parts = URLComponents(string: text.contains("://") ? text : "http://\(text)"), let host = parts.host,
      !host.isEmpty
    else { throw refuse("this is no URL of a proxy") }
    switch parts.scheme?.lowercased() {
    case "http": (kind, port) = (.http, parts.port ?? 80)
    case "socks5", "socks5h": (kind, port) = (.socks, parts.port ?? 1080)
    default: throw refuse("a proxy by \(parts.scheme ?? "") is not supported, only http and socks5")
    }
    if kind == .socks, parts.user != nil { throw refuse("a user name at a SOCKS proxy is not supported") }
    self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    user = parts.user
    password = parts.password
  }
}
