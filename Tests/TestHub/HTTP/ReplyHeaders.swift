import Foundation
import HTTPTypes
import Hummingbird
import Synchronization

/// Puts on every reply of the Hub what the real one puts there: a name to ask its support by, and what is left of the
/// quota. The latter comes with success and failure alike, and is no reason to wait as long as there is no 429.
struct ReplyHeaders: RouterMiddleware {
  private static let quota = 1000

  let core: Core

  func handle(
    _ request: Request, context: HubContext, next: (Request, HubContext) async throws -> Response
  ) async throws -> Response {
    var response: Response
    do {
      response = try await next(request, context)
    } catch let error as any HTTPResponseError {
      response = try error.response(from: request, context: context)
    }
    // The storage is not the Hub.
    guard !request.uri.path.hasPrefix("/storage/") else { return response }
    let left = max(1, Self.quota - core.state.withLock { $0.requests.count })
    let usual = fields([
      "X-Request-Id": "Root=1-\(UUID().uuidString.lowercased())", "RateLimit": "\"api\";r=\(left);t=300",
      "RateLimit-Policy": "\"fixed window\";\"api\";q=\(Self.quota);w=300",
    ])
    for field in usual where !response.headers.contains(field.name) { response.headers.append(field) }
    return response
  }
}
