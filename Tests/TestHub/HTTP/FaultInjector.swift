import Glibc
import Hummingbird
import NIOCore
import Synchronization

/// Lets happen what a test injected.
struct FaultInjector: RouterMiddleware {
  /// The connection is gone, and with it who would read the answer.
  struct Lost: Error {}

  let core: Core

  func handle(
    _ request: Request, context: HubContext, next: (Request, HubContext) async throws -> Response
  ) async throws -> Response {
    switch takeFault(for: RecordedRequest(request))?.effect {
    case nil: return try await next(request, context)
    case .run(let body):
      try await body()
      return try await next(request, context)
    case .runAfterwards(let body):
      let reply = try await next(request, context)
      try await body()
      return reply
    case .answer(let status, let headers, let message): throw Refusal(status, message, headers: headers)
    case .answerAfterwards(let status, let message):
      _ = try await next(request, context)
      throw Refusal(status, message)
    case .loseReply:
      _ = try await next(request, context)
      try await context.channel.close()
      throw Lost()
    case .loseRequest:
      try await context.channel.close()
      throw Lost()
    case .reset: try await reset(context)
    case .resetInBody:
      for try await _ in request.body { break }
      try await reset(context)
    case .resetAfterwards:
      _ = try await next(request, context)
      try await reset(context)
    case .truncateReply:
      let reply = try await next(request, context)
      let length = (reply.body.contentLength ?? 0) + 1000
      return Response(
        status: reply.status, headers: reply.headers,
        body: .init(contentLength: length) { writer in
          try await writer.write(ByteBuffer(string: "{\"some\": \"of "))
          try await context.channel.close()
          throw Lost()
        })
    case .garble:
      let reply = try await next(request, context)
      return Response(status: reply.status, body: .init(byteBuffer: ByteBuffer(string: "{\"what\": [1, 2")))
    case .silence:
      // Ends with the server.
      try await Task.sleep(for: .seconds(3600))
      throw Lost()
    }
  }

  /// Closes the connection so that the peer gets an RST, see socket(7), `SO_LINGER`.
  private func reset(_ context: HubContext) async throws -> Never {
    let socket = context.channel as? any SocketOptionProvider
    try await socket?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
    try await context.channel.close()
    throw Lost()
  }

  private func takeFault(for request: RecordedRequest) -> TestHub.Fault? {
    defer { core.bell.yield() }
    return core.state.withLock { state in
      let concerned = state.faults.indices.filter { state.faults[$0].concerns(request) }
      let ready = concerned.first { state.faults[$0].after == 0 }
      for index in concerned where state.faults[index].after > 0 { state.faults[index].after -= 1 }
      guard let index = ready else { return nil }
      let fault = state.faults[index]
      state.faults[index].times -= 1
      if state.faults[index].times == 0 { state.faults.remove(at: index) }
      return fault
    }
  }
}

/// Leads from a repo's old name to its new one, with 307, so that method and body are kept.
struct Renaming: RouterMiddleware {
  let core: Core

  func handle(
    _ request: Request, context: HubContext, next: (Request, HubContext) async throws -> Response
  ) async throws -> Response {
    let renamed = core.state.withLock { $0.renamed }
    for (old, new) in renamed {
      for (prefix, ends) in [("/api/models/", ["/", ""]), ("/", [".git/", "/resolve/"])] {
        for end in ends {
          let start = "\(prefix)\(old)\(end)"
          guard end.isEmpty ? request.uri.path == start : request.uri.path.hasPrefix(start) else { continue }
          let target = "\(prefix)\(new)\(end)" + request.uri.string.dropFirst(start.count)
          return Response(status: .temporaryRedirect, headers: fields(["Location": target]))
        }
      }
    }
    return try await next(request, context)
  }
}
