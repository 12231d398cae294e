import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1

/// A request that is to be made.
struct Call: Sendable {
  /// What may be repeated after a failure.
  enum Repetition: Sendable {
    /// Whatever may heal: the request does the same if it is made twice.
    case always
    /// Only what certainly was not done: too many requests.
    case ifNotDone
    /// Nothing.
    case never
  }

  let method: HTTPMethod
  let url: String
  var contentType: String?
  var accept: String?
  /// `nil` for none.
  var body: RequestBody?
  /// Whether the token goes along; then the URL has to be on the endpoint.
  var isAuthorized = true
  var repetition = Repetition.always

  static func get(_ url: String) -> Call { Call(method: .GET, url: url, accept: "application/json") }

  /// - Throws: ``HubError`` if `value` cannot be written as JSON.
  static func post(_ url: String, _ value: some Encodable, as contentType: String = "application/json")
    throws(HubError) -> Call
  {
    let accept = contentType == Self.gitLFS ? contentType : "application/json"
    return Call(
      method: .POST, url: url, contentType: contentType, accept: accept,
      body: RequestBody(ByteBuffer(bytes: try Self.encode(value))))
  }

  /// The media type of Git LFS's batch API.
  static let gitLFS = "application/vnd.git-lfs+json"

  /// JSON on one line, keys in order: equal values are equal bytes.
  static func encode(_ value: some Encodable) throws(HubError) -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return try encoder.encode(value)
    } catch {
      throw HubError(.refused, message: "the request cannot be written as JSON: \(error)")
    }
  }
}

/// What was answered.
struct Reply: Sendable {
  let status: Int
  let headers: HTTPHeaders
  let body: ByteBuffer
  /// As in ``HubError/path``.
  let path: String
  let requestID: String?

  var isSuccess: Bool { (200..<300).contains(status) }

  /// Whether it is a page for people: of a proxy, a captive portal, a load balancer.
  var isHTML: Bool {
    if let type = headers.first(name: "Content-Type"), type.lowercased().contains("html") { return true }
    let start = String(decoding: body.readableBytesView.prefix(64), as: UTF8.self).drop { $0.isWhitespace }.lowercased()
    return start.hasPrefix("<!doctype") || start.hasPrefix("<html")
  }

  /// - Throws: ``HubError`` of kind `invalidReply` if it is something else than `T`.
  func decode<T: Decodable>(_ type: T.Type) throws(HubError) -> T {
    func invalid(_ message: String) -> HubError {
      HubError(.invalidReply, status: status, message: message, requestID: requestID, path: path)
    }
    guard !isHTML else {
      throw invalid("a web page where JSON should be: is a proxy or a login page in between, or the endpoint no Hub?")
    }
    do {
      return try JSONDecoder().decode(type, from: Data(buffer: body))
    } catch {
      throw invalid("the JSON is not as it should be: \(Self.words(error))")
    }
  }

  private static func words(_ error: any Error) -> String {
    guard let error = error as? DecodingError else { return "\(error)" }
    func at(_ context: DecodingError.Context) -> String { context.codingPath.map(\.stringValue).joined(separator: ".") }
    return switch error {
    case .keyNotFound(let key, let context): "\(key.stringValue) is missing in \"\(at(context))\""
    case .typeMismatch(let type, let context): "\"\(at(context))\" is no \(type)"
    case .valueNotFound(_, let context): "\"\(at(context))\" is null"
    case .dataCorrupted(let context): "it cannot be read at \"\(at(context))\""
    @unknown default: "it cannot be read"
    }
  }
}
