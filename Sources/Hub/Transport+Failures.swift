import AsyncHTTPClient
import Foundation
import Kernel
import NIOCore
import NIOSSL
import SystemPackage

extension Transport {
  /// What an exception of the HTTP library means, in words that hold neither headers nor queries.
  func failure(_ error: any Error, id: String, path: String) -> HubError {
    func unavailable(_ message: String) -> HubError {
      HubError(
        .unavailable, message: "no answer from \(endpoint.url): \(message)", requestID: id, path: path,
        remedy: "check the network and the endpoint")
    }
    switch error {
    case let error as HubError: return error
    case is CancellationError: return Self.cancelled
    case is NIOTooManyBytesError:
      return HubError(.invalidReply, message: "the reply is far too long", requestID: id, path: path)
    case let error as HTTPClientError: return unavailable(words(error))
    case let error as IOError: return unavailable("\(Errno(rawValue: error.errnoCode))")
    default: return unavailable("\(error)")
    }
  }

  /// What it means that TLS did not come about; `nil` if that is not what happened.
  func refusedCertificate(_ error: any Error, of origin: Origin, id: String, path: String) async -> HubError? {
    func refused(_ reason: String, _ remedy: String) -> HubError {
      HubError(
        .unavailable, message: "no secure connection to \(origin): \(reason)", requestID: id, path: path, remedy: remedy
      )
    }
    switch error {
    case let error as NIOSSLExtraError where error == .failedToValidateHostname:
      return refused("its certificate is for another name", "check the endpoint's name and what lies in between")
    case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
      guard "\(error)".contains("CERTIFICATE_VERIFY_FAILED") else {
        return refused("\(error)", "check that the endpoint and its port speak TLS, and what lies in between")
      }
      // Behind a proxy one's own look at the certificate would be at another's.
      let known = proxies.concern(origin) ? nil : await CertificateDiagnosis.reason(for: origin)
      let (reason, remedy) = known ?? ("its certificate cannot be trusted", "check the endpoint, or set ca_file")
      return refused(reason, remedy)
    default: return nil
    }
  }

  private func words(_ error: HTTPClientError) -> String {
    switch error {
    case .connectTimeout, .getConnectionFromPoolTimeout: "no connection within \(timeouts.connect.shown)"
    case .tlsHandshakeTimeout: "no TLS handshake within \(timeouts.connect.shown)"
    case .readTimeout: "silence for \(timeouts.idle.shown)"
    case .remoteConnectionClosed: "the connection was closed before the reply was whole"
    // Not its description: that of an invalid header holds the header.
    default: error.shortDescription
    }
  }

  /// Where a URL leads, without its query, which may hold a signature.
  func shown(_ url: String) -> String {
    guard let parts = URLComponents(string: url) else { return "an unreadable URL" }
    guard let origin = Origin(parts), origin != endpoint.origin else { return parts.percentEncodedPath }
    return "\(origin)\(parts.percentEncodedPath)"
  }
}

extension Duration {
  /// For people, e.g. `60 s` or `0.5 s`.
  var shown: String {
    microseconds % 1_000_000 == 0 ? "\(components.seconds) s" : "\(seconds) s"
  }
}
