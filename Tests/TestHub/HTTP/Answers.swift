import Foundation
import HTTPTypes
import Hummingbird

/// A refusal in the Hub's words: JSON, and headers for clients that look no further.
struct Refusal: Error, HTTPResponseError {
  let status: HTTPResponse.Status
  let message: String
  var code: String?
  var headers: [String: String] = [:]

  init(_ status: Int, _ message: String, code: String? = nil, headers: [String: String] = [:]) {
    self.status = .init(code: status)
    self.message = message
    self.code = code
    self.headers = headers
  }

  static var noRepo: Refusal { Refusal(404, "Repository not found", code: "RepoNotFound") }
  static func noRevision(_ name: String) -> Refusal {
    Refusal(404, "Invalid rev id: \(name)", code: "RevisionNotFound")
  }
  static var noEntry: Refusal { Refusal(404, "Entry not found", code: "EntryNotFound") }

  func response(from request: Request, context: some RequestContext) throws -> Response {
    var headers = headers
    headers["X-Error-Message"] = message
    headers["X-Error-Code"] = code
    return try json(["error": message], status: status, headers: headers)
  }
}

/// A refusal in the words of S3.
struct StorageRefusal: Error, HTTPResponseError {
  let status: HTTPResponse.Status
  let code: String
  let message: String

  init(_ status: Int, _ code: String, _ message: String) {
    self.status = .init(code: status)
    self.code = code
    self.message = message
  }

  func response(from request: Request, context: some RequestContext) throws -> Response {
    let xml =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>\(code)</Code><Message>\(message)</Message></Error>"
    return Response(
      status: status, headers: fields(["Content-Type": "application/xml"]),
      body: .init(byteBuffer: ByteBuffer(string: xml)))
  }
}

/// An answer in JSON, of the usual media type if `headers` name no other.
func json(
  _ value: Any, status: HTTPResponse.Status = .ok, headers: [String: String] = [:]
) throws -> Response {
  let data = try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys, .withoutEscapingSlashes])
  var headers = headers
  headers["Content-Type"] = headers["Content-Type"] ?? "application/json; charset=utf-8"
  return Response(status: status, headers: fields(headers), body: .init(byteBuffer: ByteBuffer(bytes: data)))
}

func fields(_ headers: [String: String]) -> HTTPFields {
  var fields = HTTPFields()
  for (name, value) in headers {
    if let name = HTTPField.Name(name) { fields.append(HTTPField(name: name, value: value)) }
  }
  return fields
}

extension Request {
  func header(_ name: String) -> String? { HTTPField.Name(name).flatMap { headers[$0] } }

  /// Every value of a query item, decoded.
  func query(_ name: String) -> [String] { formValues(uri.query ?? "", name) }

  /// The body as JSON.
  ///
  /// - Throws: ``Refusal`` 400 if it is none, or not what `type` wants.
  func decode<T: Decodable>(_ type: T.Type) async throws -> T {
    let data = try await data()
    do {
      return try JSONDecoder().decode(type, from: data)
    } catch {
      throw Refusal(400, "Bad request body: \(error)")
    }
  }

  /// The whole body, of a request that is no upload.
  func data() async throws -> Data {
    Data((try await body.collect(upTo: 64 * 1024 * 1024)).readableBytesView)
  }
}

/// The values of `name` in `application/x-www-form-urlencoded` text.
func formValues(_ text: String, _ name: String) -> [String] {
  text.split(separator: "&").compactMap { item in
    let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard let key = pair.first?.removingPercentEncoding, key == name else { return nil }
    return pair.count == 1 ? "" : pair[1].replacing("+", with: " ").removingPercentEncoding
  }
}

extension Core {
  /// The URL that this Hub is known by to whoever sent `request`.
  func base(for request: Request) -> String {
    "\(options.tls == nil ? "http" : "https")://\(request.head.authority ?? "127.0.0.1")"
  }
}
