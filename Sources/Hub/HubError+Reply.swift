import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1

extension HubError {
  /// What a reply that is no success means, with the Hub's own words.
  init(_ reply: Reply, at endpoint: Endpoint) {
    let message = Self.words(of: reply)
    let code = reply.headers.first(name: "X-Error-Code")
    let kind: Kind =
      switch reply.status {
      case 401: .unauthorized
      case 403: .forbidden
      case 404, 410: .notFound
      case 409, 412: .conflict
      case 429: .rateLimited(retryAfter: RetryAdvice.pause(reply))
      case 408, 500...: RetryAdvice.pause(reply).map { .rateLimited(retryAfter: $0) } ?? .unavailable
      case 400..<500: .refused
      default: .invalidReply
      }
    let remedy: String? =
      switch kind {
      case .unauthorized:
        // A bare 401 on a repo is how the Hub hides what is private or missing from those whom it does not know.
        "make a write token at \(endpoint.tokenPage), and check the repo's name"
      case .forbidden: "give the token write access to the repo's namespace at \(endpoint.tokenPage)"
      default: nil
      }
    self.init(
      kind, status: reply.status, message: message, requestID: reply.requestID, path: reply.path, code: code,
      remedy: remedy)
  }

  /// The places where the Hub, Git LFS and S3 say what is wrong, in the order in which huggingface_hub looks at them.
  private static func words(of reply: Reply) -> String {
    if let text = reply.headers.first(name: "X-Error-Message"), !text.isEmpty { return shorten(text) }
    if reply.isHTML { return "a web page instead of the Hub's words" }
    let data = Data(buffer: reply.body)
    if let body = try? JSONDecoder().decode(ErrorBody.self, from: data), let text = body.text { return shorten(text) }
    let text = String(decoding: data, as: UTF8.self)
    if let storage = storageWords(text) { return storage }
    let line = text.trimmingCharacters(in: .whitespacesAndNewlines)
    return line.isEmpty || line.hasPrefix("{") || line.hasPrefix("<") ? "no words" : shorten(line)
  }

  /// Out of S3's XML: `<Error><Code>…</Code><Message>…</Message>`. Nothing else of it is of use to people.
  private static func storageWords(_ xml: String) -> String? {
    func element(_ name: String) -> Substring? {
      guard let start = xml.range(of: "<\(name)>"),
        let end = xml.range(of: "</\(name)>", range: start.upperBound..<xml.endIndex)
      else { return nil }
      return xml[start.upperBound..<end.lowerBound]
    }
    guard let code = element("Code") else { return nil }
    return shorten("\(code): \(element("Message") ?? "no words")")
  }

  private static func shorten(_ text: String) -> String {
    let line = text.split(whereSeparator: \.isNewline).joined(separator: " ").filter { character in
      character.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
    }
    return line.count > 500 ? "\(line.prefix(500))…" : line
  }
}

/// The shapes of an error in JSON.
private struct ErrorBody: Decodable {
  struct Entry: Decodable { let message: String? }
  let text: String?

  private enum Keys: String, CodingKey { case error, errors, message, description = "error_description" }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Keys.self)
    var texts: [String] = []
    if let one = try? container.decode(String.self, forKey: .error) { texts.append(one) }
    if let many = try? container.decode([String].self, forKey: .error) { texts += many }
    if let more = try? container.decode(String.self, forKey: .description) { texts.append(more) }
    if let entries = try? container.decode([Entry].self, forKey: .errors) { texts += entries.compactMap(\.message) }
    if let message = try? container.decode(String.self, forKey: .message) { texts.append(message) }
    var seen: Set<String> = []
    texts = texts.filter { !$0.isEmpty && seen.insert($0).inserted }
    text = texts.isEmpty ? nil : texts.joined(separator: "; ")
  }
}
