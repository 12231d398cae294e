import Foundation
import Kernel
import Logging

/// The Hub's HTTP API, as far as publishing a folder to a model repo needs it.
///
/// Its calls may be made from many tasks at once. It never asks for a file of a repo by `/resolve/`: such a request
/// would be counted as a download.
package final class HubClient: Sendable {
  let transport: Transport
  /// Reads the files that are being uploaded.
  let reader = Worker("adapterd.hub.reader")
  private let identity = IdentityCache()

  /// - Parameters:
  ///   - endpoint: Where the Hub is.
  ///   - token: Sent to the endpoint and to nowhere else; without it only public repos can be read.
  ///   - userAgent: Who asks, e.g. `adapterd/0.1.0`.
  ///   - timeouts: How long to wait.
  ///   - network: How the endpoint is reached.
  ///   - logger: Is told of each request at level `debug`, without token, query or body.
  package init(
    endpoint: Endpoint, token: Token?, userAgent: String, timeouts: Timeouts = .default, network: Network = .plain,
    logger: Logger
  ) {
    transport = Transport(
      endpoint: endpoint, token: token, userAgent: userAgent, timeouts: timeouts, network: network,
      logger: logger)
  }

  /// Closes the connections; requests that are under way fail. To be called once, at the end.
  package func shutdown() async throws { try await transport.shutdown() }

  /// Whose token it is.
  ///
  /// The Hub limits this request hard on purpose, so it is made once at most in this client's life: the answer is kept,
  /// also if it is that the token is refused. Only where no answer came is it made again.
  ///
  /// - Throws: ``HubError``, of kind `unauthorized` for a wrong token.
  package func whoami() async throws(HubError) -> Identity {
    try await identity.get { [transport] in
      do throws(HubError) {
        var call = Call.get("\(transport.endpoint.url)/api/whoami-v2")
        call.repetition = .never
        let reply = try await transport.send(call)
        return .success(try reply.decode(WhoamiReply.self).identity)
      } catch {
        guard error.kind == .unauthorized else { return .failure(error) }
        return .failure(error.advising("make a write token at \(transport.endpoint.tokenPage)"))
      }
    }
  }

  /// The URL of a page of the API: `{endpoint}/api/models/{id}/…`, each part percent-encoded in full.
  func url(_ repo: RepoID, _ parts: String...) -> String {
    (["\(transport.endpoint.url)/api/models/\(repo)"] + parts.map(percentEncoded)).joined(separator: "/")
  }
}

/// Asks once, however many want to know.
private actor IdentityCache {
  private var asking: Task<Result<Identity, HubError>, Never>?

  func get(_ ask: @escaping @Sendable () async -> Result<Identity, HubError>) async throws(HubError) -> Identity {
    // A task of its own: whoever asked first may be cancelled while others wait.
    let task = asking ?? Task { await ask() }
    asking = task
    let result = await task.value
    if case .failure(let error) = result, !Self.isAnswer(error), asking == task { asking = nil }
    return try result.get()
  }

  private static func isAnswer(_ error: HubError) -> Bool {
    switch error.kind {
    case .unauthorized, .forbidden: true
    default: false
    }
  }
}

private struct WhoamiReply: Decodable {
  struct Organization: Decodable { let name: String? }
  struct Auth: Decodable {
    struct AccessToken: Decodable { let role: String? }
    let accessToken: AccessToken?
  }
  let name: String
  let orgs: [Organization]?
  let auth: Auth?

  var identity: Identity {
    Identity(name: name, role: auth?.accessToken?.role, organizations: orgs?.compactMap(\.name) ?? [])
  }
}

/// All but RFC 3986's unreserved characters as `%XX`: also `/`, which in a branch's name is no separator.
func percentEncoded(_ text: String) -> String {
  let unreserved = CharacterSet(
    charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
  return text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
}
