import AsyncHTTPClient
import Foundation
import Kernel
import Logging
import NIOCore
import NIOHTTP1

/// Makes HTTP requests: decides where the token goes, follows redirects, repeats what may be repeated.
struct Transport: Sendable {
  let endpoint: Endpoint
  let timeouts: Timeouts
  let logger: Logger
  private let network: Network
  private let direct: HTTPClient
  /// `nil` if there is no proxy.
  private let tunnelled: HTTPClient?
  private let token: Token?
  private let userAgent: String

  /// Replies are small; the largest is a page of a thousand files.
  private static let replyLimit = 16 * 1024 * 1024
  private static let redirectLimit = 5

  init(endpoint: Endpoint, token: Token?, userAgent: String, timeouts: Timeouts, network: Network, logger: Logger) {
    self.endpoint = endpoint
    self.token = token
    self.userAgent = userAgent
    self.timeouts = timeouts
    self.logger = logger
    self.network = network
    var configuration = HTTPClient.Configuration(
      tlsConfiguration: network.tls, redirectConfiguration: .disallow,
      timeout: .init(
        connect: .microseconds(timeouts.connect.microseconds), read: .microseconds(timeouts.idle.microseconds)),
      decompression: .disabled)
    configuration.httpVersion = .http1Only
    // Otherwise a refused connection is tried again until the connect timeout is over.
    configuration.connectionPool.retryConnectionEstablishment = false
    direct = HTTPClient(configuration: configuration)
    configuration.proxy = network.proxies.configuration
    tunnelled = configuration.proxy == nil ? nil : HTTPClient(configuration: configuration)
  }

  func shutdown() async throws {
    try await tunnelled?.shutdown()
    try await direct.shutdown()
  }

  var proxies: Proxies { network.proxies }

  private func client(for origin: Origin?) -> HTTPClient {
    guard let tunnelled, let origin, network.proxies.concern(origin) else { return direct }
    return tunnelled
  }

  /// Makes the call and repeats it as its kind allows.
  ///
  /// - Returns: a reply whose status is a success.
  /// - Throws: ``HubError``, also for a reply whose status is none.
  func send(_ call: Call) async throws(HubError) -> Reply {
    var attempt = 0
    while true {
      let failure: HubError
      do throws(HubError) {
        let reply = try await follow(call)
        if reply.isSuccess { return reply }
        failure = HubError(reply, at: endpoint)
      } catch {
        failure = error
      }
      guard attempt < timeouts.retries, let pause = pause(after: failure, of: call, attempt: attempt) else {
        throw failure
      }
      logger.debug("\(call.method) \(shown(call.url)): \(failure); again in \(pause)")
      try await self.pause(for: pause)
      attempt += 1
    }
  }

  /// Waits.
  ///
  /// - Throws: ``HubError`` if the task was cancelled.
  func pause(for duration: Duration) async throws(HubError) {
    do {
      try await Task.sleep(for: duration)
    } catch {
      throw Self.cancelled
    }
  }

  /// How long to wait before the call is made again; `nil` if it is not to be.
  private func pause(after failure: HubError, of call: Call, attempt: Int) -> Duration? {
    if Task.isCancelled { return nil }
    switch (call.repetition, failure.kind, failure.status) {
    case (.never, _, _): return nil
    case (.always, .rateLimited(let wait), _), (.ifNotDone, .rateLimited(let wait), 429):
      guard let wait, wait > .zero else { return timeouts.pause(beforeRetry: attempt) }
      return wait <= timeouts.patience ? wait : nil
    case (.always, .unavailable, _): return timeouts.pause(beforeRetry: attempt)
    default: return nil
    }
  }

  /// Follows redirects within the origin, with method and body: that is how the Hub leads to a renamed repo.
  private func follow(_ call: Call) async throws(HubError) -> Reply {
    var url = call.url
    for _ in 0...Self.redirectLimit {
      let reply = try await exchange(call, at: url)
      guard (301...308).contains(reply.status), let location = reply.headers.first(name: "Location") else {
        return reply
      }
      func refuse(_ reason: String) -> HubError {
        HubError(
          .invalidReply, status: reply.status, message: reason, requestID: reply.requestID, path: reply.path,
          remedy: "check the endpoint and what lies in between")
      }
      guard call.method == .GET || reply.status == 307 || reply.status == 308 else {
        throw refuse("a redirect that would lose the request")
      }
      guard let base = URL(string: url), let next = URL(string: location, relativeTo: base)?.absoluteString,
        let origin = Endpoint.origin(of: next)
      else { throw refuse("a redirect to nowhere") }
      guard origin == Endpoint.origin(of: url) else {
        throw refuse("a redirect to another place, \(origin), where neither the token nor the request belongs")
      }
      url = next
    }
    throw HubError(.invalidReply, message: "more than \(Self.redirectLimit) redirects", path: shown(url))
  }

  /// One request, one reply.
  private func exchange(_ call: Call, at url: String) async throws(HubError) -> Reply {
    guard endpoint.permits(url) else {
      throw HubError(
        .invalidReply, message: "the Hub names a place to which nothing is sent in clear", path: shown(url))
    }
    let id = UUID().uuidString.lowercased()
    var request = HTTPClientRequest(url: url)
    request.method = call.method
    request.headers.add(name: "User-Agent", value: userAgent)
    if let accept = call.accept { request.headers.add(name: "Accept", value: accept) }
    if let type = call.contentType { request.headers.add(name: "Content-Type", value: type) }
    if Endpoint.origin(of: url) == endpoint.origin {
      request.headers.add(name: "X-Request-Id", value: id)
      request.headers.add(name: "X-Amzn-Trace-Id", value: id)
    }
    if call.isAuthorized, let token {
      guard Endpoint.origin(of: url) == endpoint.origin else {
        throw HubError(
          .invalidReply, message: "the token goes to \(endpoint.origin) only, and this is elsewhere", path: shown(url))
      }
      guard let authorization = token.authorization else {
        throw HubError(
          .unauthorized, message: "the token is empty or holds characters that no token has",
          remedy: "make a write token at \(endpoint.tokenPage), and check the file that it is read from")
      }
      request.headers.add(name: "Authorization", value: authorization)
    }
    let path = shown(url)
    let reply: Reply
    if let body = call.body {
      reply = try await watched(request, body: body, id: id, path: path)
    } else {
      reply = try await perform(request, id: id, path: path)
    }
    logger.debug("\(call.method) \(path): \(reply.status), request \(reply.requestID ?? id)")
    return reply
  }

  /// Sends a body, and gives up when the peer stops taking it.
  private func watched(
    _ request: HTTPClientRequest, body: RequestBody, id: String, path: String
  ) async throws(HubError) -> Reply {
    let watch = StallWatch(length: body.length, limit: timeouts.idle)
    var request = request
    var stream = body
    stream.onTaken = { taken in
      watch.move(to: taken)
      body.onTaken(taken)
    }
    request.body = .stream(stream, length: .known(body.length))
    let sent = request
    let outcome = await withTaskGroup(of: Result<Reply, HubError>?.self) { group in
      group.addTask {
        do throws(HubError) {
          return .success(try await perform(sent, id: id, path: path))
        } catch {
          return .failure(error)
        }
      }
      group.addTask {
        guard let taken = await watch.stall() else { return nil }
        return .failure(
          HubError(
            .unavailable,
            message: "the upload stood still for \(timeouts.idle.shown) after \(taken) of \(body.length) bytes",
            requestID: id, path: path))
      }
      defer { group.cancelAll() }
      for await result in group { if let result { return result } }
      return .failure(Self.cancelled)
    }
    return try outcome.get()
  }

  private func perform(_ request: HTTPClientRequest, id: String, path: String) async throws(HubError) -> Reply {
    let origin = Endpoint.origin(of: request.url)
    do {
      // It is given no logger: it would log signed URLs.
      let response = try await client(for: origin).execute(request, deadline: .distantFuture)
      let body = try await response.body.collect(upTo: Self.replyLimit)
      let headers = response.headers
      return Reply(
        status: Int(response.status.code), headers: headers, body: body, path: path,
        requestID: headers.first(name: "X-Request-Id") ?? headers.first(name: "X-Amzn-Trace-Id")
          ?? headers.first(name: "X-Amz-Cf-Id"))
    } catch {
      if let origin, let refused = await refusedCertificate(error, of: origin, id: id, path: path) { throw refused }
      throw failure(error, id: id, path: path)
    }
  }

  static let cancelled = HubError(.unavailable, message: "stopped before it was done")
}
