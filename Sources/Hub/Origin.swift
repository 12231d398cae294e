import Foundation

/// Scheme, host and port of a URL: what decides whether the token may go there (RFC 6454).
struct Origin: Sendable, Hashable, CustomStringConvertible {
  let scheme: String
  /// Lower case; an IPv6 address without brackets.
  let host: String
  let port: Int

  var description: String {
    let shown = host.contains(":") ? "[\(host)]" : host
    return port == Self.defaultPort(scheme) ? "\(scheme)://\(shown)" : "\(scheme)://\(shown):\(port)"
  }

  /// `nil` if the URL has no host, another scheme than http or https, or a user's name in it.
  init?(_ url: URLComponents) {
    guard let scheme = url.scheme?.lowercased(), let usual = Self.defaultPort(scheme), url.user == nil,
      url.password == nil, var host = url.host?.lowercased(), !host.isEmpty
    else { return nil }
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    let port = url.port ?? usual
    guard (1...65535).contains(port) else { return nil }
    self.scheme = scheme
    self.host = host
    self.port = port
  }

  /// Whether it can only be this machine: a name that DNS might answer otherwise does not do.
  var isLoopback: Bool {
    if host == "localhost" || host == "::1" { return true }
    let octets = host.split(separator: ".", omittingEmptySubsequences: false)
    return octets.count == 4 && octets[0] == "127"
      && octets.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } && UInt8($0) != nil }
  }

  private static func defaultPort(_ scheme: String) -> Int? {
    switch scheme {
    case "https": 443
    case "http": 80
    default: nil
    }
  }
}
