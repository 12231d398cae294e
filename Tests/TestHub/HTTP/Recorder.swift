import HTTPTypes
import Hummingbird
import Synchronization

/// Writes down each request, and its status when it is answered.
struct Recorder: RouterMiddleware {
  let core: Core

  func handle(
    _ request: Request, context: HubContext, next: (Request, HubContext) async throws -> Response
  ) async throws -> Response {
    let record = RecordedRequest(request)
    let index = core.state.withLock { state in
      state.requests.append(record)
      state.beingAnswered += 1
      state.mostAtOnce = max(state.mostAtOnce, state.beingAnswered)
      return state.requests.count - 1
    }
    defer {
      core.state.withLock { $0.beingAnswered -= 1 }
      core.bell.yield()
    }
    func note(_ status: Int) {
      core.state.withLock { $0.requests[index].status = status }
    }
    do {
      let response = try await next(request, context)
      note(response.status.code)
      return response
    } catch let error as any HTTPResponseError {
      note(error.status.code)
      throw error
    }
  }
}

extension RecordedRequest {
  init(_ request: Request) {
    method = request.method.rawValue
    path = request.uri.path
    query = request.uri.query ?? ""
    headers = Dictionary(
      request.headers.map { ($0.name.canonicalName, $0.value) }, uniquingKeysWith: { "\($0), \($1)" })
    bodyLength = request.header("Content-Length").flatMap { Int64($0) } ?? 0
  }
}
