import Crypto
import Foundation
import SwiftASN1
import X509

/// Signs certificates that no machine trusts by itself.
struct TestAuthority {
  private let key = P256.Signing.PrivateKey()
  private let name: DistinguishedName
  /// Its own certificate, in PEM.
  let certificate: String

  init() throws {
    name = try DistinguishedName { CommonName("adapterd test authority") }
    let certificate = try Certificate(
      version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey), notValidBefore: .now - 3600,
      notValidAfter: .now + 86_400, issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try Certificate.Extensions {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
        Critical(KeyUsage(keyCertSign: true))
      }, issuerPrivateKey: .init(key))
    self.certificate = try certificate.serializeAsPEM().pemString
  }

  /// A certificate for the host `host`, good from `start` to `end`, and its key.
  func certificate(
    for host: String = "localhost", from start: Date = .now - 3600, to end: Date = .now + 86_400
  ) throws -> (certificate: String, key: String) {
    let own = P256.Signing.PrivateKey()
    let certificate = try Certificate(
      version: .v3, serialNumber: .init(), publicKey: .init(own.publicKey), notValidBefore: start, notValidAfter: end,
      issuer: name, subject: try DistinguishedName { CommonName(host) }, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try Certificate.Extensions { SubjectAlternativeNames([.dnsName(host)]) },
      issuerPrivateKey: .init(key))
    return (try certificate.serializeAsPEM().pemString, own.pemRepresentation)
  }
}
