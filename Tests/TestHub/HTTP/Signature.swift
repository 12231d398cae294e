import Crypto
import Foundation
import Hummingbird
import Synchronization

/// Signed URLs: whoever has one may do one thing with one object for some time, without a token.
enum Signature {
  static let field = "X-Amz-Signature"
  private static let expiry = "X-Amz-Expires"

  /// - Parameter base: Where, if not at the storage.
  static func url(_ method: String, _ path: String, base: String? = nil, _ core: Core) -> String {
    let base = base ?? core.storage.withLock { $0 }
    let end = "\(Int(Date().timeIntervalSince1970) + core.options.signedURLLifetime)"
    return "\(base)\(path)?\(expiry)=\(end)&\(field)=\(signature(method, path, end, core))"
  }

  /// - Throws: ``StorageRefusal`` as S3 refuses.
  static func check(_ request: Request, _ core: Core) throws {
    guard request.header("Authorization") == nil else {
      throw StorageRefusal(
        400, "InvalidArgument",
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified"
      )
    }
    guard let end = request.query(expiry).first, let given = request.query(field).first,
      given == signature(request.method.rawValue, request.uri.path, end, core), let time = Double(end)
    else {
      throw StorageRefusal(
        403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")
    }
    guard time > Date().timeIntervalSince1970 else {
      throw StorageRefusal(403, "AccessDenied", "Request has expired")
    }
  }

  private static func signature(_ method: String, _ path: String, _ end: String, _ core: Core) -> String {
    let text = Data("\(method)\n\(path)\n\(end)".utf8)
    return hexadecimal(HMAC<SHA256>.authenticationCode(for: text, using: core.secret))
  }
}
