import Foundation
import Hummingbird
import Logging
import NIOCore

/// What is known of a request beside the request itself.
struct HubContext: RequestContext {
  /// Who asks.
  enum Caller: Sendable { case anonymous, reader, writer }

  var coreContext: CoreRequestContextStorage
  /// The connection.
  let channel: any Channel
  var caller = Caller.anonymous

  init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    channel = source.channel
  }

  var isKnown: Bool { caller != .anonymous }

  /// The part of the path that a route calls `name`, decoded.
  func path(_ name: String) throws -> String {
    guard let text = try parameters.require(name).removingPercentEncoding else { throw Refusal(400, "bad URL") }
    return text
  }

  /// The rest of the path, decoded.
  func rest() throws -> String {
    try parameters.getCatchAll().map { part in
      guard let text = part.removingPercentEncoding else { throw Refusal(400, "bad URL") }
      return text
    }.joined(separator: "/")
  }

  /// The repo that the path names as `:namespace/:name`.
  func repo() throws -> String { "\(try path("namespace"))/\(try path("name"))" }

  /// - Throws: ``Refusal`` unless a token came along that may write.
  func requireWriter() throws {
    switch caller {
    case .writer: return
    case .reader: throw Refusal(403, "You don't have the rights to write here: your token is for reading")
    case .anonymous: throw Refusal(401, "Invalid username or password.")
    }
  }
}
