import Foundation
import Glibc
import Synchronization

/// A server on a loopback port that says whatever a test wants, also what no Hub says: the Hub's misbehaving
/// neighbours — portals, proxies, dead machines.
final class RawServer: Sendable {
  struct Request: Sendable {
    let method: String
    /// With its query.
    let target: String
    /// Names in lower case.
    let headers: [String: String]
    let body: [UInt8]
  }

  enum Action: Sendable {
    case reply(Int, [String: String] = [:], String = "")
    /// Never answers.
    case silence
    /// Closes the connection instead of an answer.
    case hangUp
  }

  let port: UInt16
  var endpoint: String { "http://127.0.0.1:\(port)" }
  /// The requests as they come in; for one reader.
  let arrivals: AsyncStream<Request>
  private let arrival: AsyncStream<Request>.Continuation
  /// What came in so far.
  var requests: [Request] { state.withLock(\.requests) }

  private struct State {
    var requests: [Request] = []
    var connections: [CInt] = []
    var isOver = false
  }
  private let state = Mutex(State())
  private let listener: CInt
  private let readsBodies: Bool
  private let answer: @Sendable (Request) -> Action

  /// Runs `body` while the server is there.
  ///
  /// - Parameter readsBodies: If not, a request with a body is read up to its headers and then left alone.
  static func serving<R>(
    readsBodies: Bool = true, _ answer: @escaping @Sendable (Request) -> Action, _ body: (RawServer) async throws -> R
  ) async throws -> R {
    let server = try RawServer(readsBodies: readsBodies, answer)
    defer { server.stop() }
    return try await body(server)
  }

  /// A port on which nothing listens.
  static func deadPort() throws -> UInt16 {
    let server = try RawServer(readsBodies: true) { _ in .hangUp }
    server.stop()
    return server.port
  }

  private init(readsBodies: Bool, _ answer: @escaping @Sendable (Request) -> Action) throws {
    let listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        bind(listener, pointer, length) == 0 && listen(listener, 64) == 0
          && getsockname(listener, pointer, &length) == 0
      }
    }
    guard result else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
    self.listener = listener
    self.readsBodies = readsBodies
    self.answer = answer
    (arrivals, arrival) = AsyncStream.makeStream()
    port = UInt16(bigEndian: address.sin_port)
    Thread.detachNewThread { [self] in
      while case let connection = accept(listener, nil, nil), connection >= 0 {
        let isOver = state.withLock { state in
          state.connections.append(connection)
          return state.isOver
        }
        if isOver { return }
        Thread.detachNewThread { [self] in serve(connection) }
      }
    }
  }

  private func stop() {
    // Shut down, not closed: a number that is in use by a thread must not be given to another file.
    let connections = state.withLock { state in
      state.isOver = true
      return state.connections
    }
    shutdown(listener, CInt(SHUT_RDWR))
    for connection in connections { shutdown(connection, CInt(SHUT_RDWR)) }
  }

  private func serve(_ connection: CInt) {
    var bytes: [UInt8] = []
    while let request = next(on: connection, &bytes) {
      state.withLock { $0.requests.append(request) }
      arrival.yield(request)
      if !readsBodies, request.headers["content-length"] ?? "0" != "0" { return }
      switch answer(request) {
      case .reply(let status, let headers, let body):
        var text = "HTTP/1.1 \(status) Status\r\nContent-Length: \(body.utf8.count)\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        send(text + "\r\n" + body, on: connection)
      case .silence: return
      case .hangUp:
        shutdown(connection, CInt(SHUT_RDWR))
        return
      }
    }
  }

  private func next(on connection: CInt, _ bytes: inout [UInt8]) -> Request? {
    let end = Array("\r\n\r\n".utf8)
    while bytes.firstRange(of: end) == nil { guard receive(on: connection, &bytes) else { return nil } }
    guard let range = bytes.firstRange(of: end) else { return nil }
    let lines = String(decoding: bytes[..<range.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
    bytes.removeSubrange(..<range.upperBound)
    let words = lines[0].split(separator: " ").map(String.init)
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      if parts.count == 2 { headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces) }
    }
    let length = Int(headers["content-length"] ?? "0") ?? 0
    if readsBodies { while bytes.count < length { guard receive(on: connection, &bytes) else { return nil } } }
    let body = Array(bytes.prefix(length))
    bytes.removeFirst(body.count)
    guard words.count > 1 else { return nil }
    return Request(method: words[0], target: words[1], headers: headers, body: body)
  }

  private func receive(on connection: CInt, _ bytes: inout [UInt8]) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 65536)
    let count = recv(connection, &buffer, buffer.count, 0)
    guard count > 0 else { return false }
    bytes += buffer.prefix(count)
    return true
  }

  private func send(_ text: String, on connection: CInt) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.send(connection, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
      guard count > 0 else { return }
      rest.removeFirst(count)
    }
  }
}
