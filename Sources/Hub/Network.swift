import Foundation
import Kernel
import NIOSSL
import SystemPackage

/// How the Hub is reached: by which proxy, and whose certificates are believed.
package struct Network: Sendable {
  let proxies: Proxies
  /// Authorities that are believed besides the machine's own.
  let authorities: [NIOSSLCertificate]

  /// What is wrong with the settings.
  package struct Invalid: Error, CustomStringConvertible {
    package let description: String
  }

  /// No proxy, and the machine's own authorities.
  package static let plain = Network()

  private init() {
    proxies = .none
    authorities = []
  }

  /// - Parameters:
  ///   - environment: Where the proxy is named.
  ///   - caFile: Certificates in PEM, for a Hub of one's own or a proxy that looks into TLS; `nil` for none.
  /// - Throws: ``Invalid``.
  package init(environment: [String: String], caFile: FilePath?) throws(Invalid) {
    do throws(Proxies.Invalid) {
      proxies = try Proxies(environment: environment)
    } catch {
      throw Invalid(description: "\(error)")
    }
    guard let caFile else {
      authorities = []
      return
    }
    let bytes: [UInt8]
    do {
      bytes = [UInt8](try Data(contentsOf: URL(filePath: caFile.string)))
    } catch {
      throw Invalid(description: "ca_file = \"\(caFile.shown)\" cannot be read: \(error.localizedDescription)")
    }
    do {
      authorities = try NIOSSLCertificate.fromPEMBytes(bytes)
    } catch {
      throw Invalid(description: "ca_file = \"\(caFile.shown)\" holds no certificate in PEM")
    }
    if authorities.isEmpty { throw Invalid(description: "ca_file = \"\(caFile.shown)\" holds no certificate in PEM") }
  }

  /// For the HTTP library; a certificate that does not stand up to it ends the connection before anything is sent.
  var tls: TLSConfiguration {
    var configuration = TLSConfiguration.makeClientConfiguration()
    if !authorities.isEmpty { configuration.additionalTrustRoots = [.certificates(authorities)] }
    return configuration
  }
}
