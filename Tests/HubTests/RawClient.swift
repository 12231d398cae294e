import Foundation
import Glibc
import Kernel

/// An HTTP client that sends whatever a test wants, also what no client should.
enum RawClient {
  struct Answer: Sendable {
    let status: Int
    /// Names in lower case.
    let headers: [String: String]
    let text: String
  }
  struct Failure: Error { let errno: CInt }

  /// Sends a request in good form, with the token unless `headers` say otherwise; an empty value leaves a header out.
  static func send(
    _ method: String, _ url: String, _ body: Data? = nil, headers: [String: String] = [:]
  ) async throws -> Answer {
    guard let parts = URLComponents(string: url), let port = parts.port else { throw Failure(errno: EINVAL) }
    let target = parts.percentEncodedPath + (parts.percentEncodedQuery.map { "?\($0)" } ?? "")
    var all = ["Authorization": "Bearer hf_testwriter", "Content-Length": "\(body?.count ?? 0)"]
    if method == "GET" { all["Content-Length"] = nil }
    all.merge(headers) { $1 }
    let lines = ["\(method) \(target) HTTP/1.1", "Host: 127.0.0.1:\(port)", "Connection: close"]
    let fields = all.filter { !$0.value.isEmpty }.map { "\($0.key): \($0.value)" }
    let head = (lines + fields + ["", ""]).joined(separator: "\r\n")
    return try await exchange(Data(head.utf8) + (body ?? Data()), port: port)
  }

  /// Sends bytes and reads until the server closes.
  static func exchange(_ request: Data, port: Int) async throws -> Answer {
    let answer = try await Worker("raw client").run {
      let connection = OwnedDescriptor(owning: socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0))
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = in_port_t(port).bigEndian
      address.sin_addr.s_addr = inet_addr("127.0.0.1")
      let connected = withUnsafeBytes(of: &address) { buffer in
        buffer.withMemoryRebound(to: sockaddr.self) {
          connect(connection.raw, $0.baseAddress, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      guard connected == 0 else { throw Failure(errno: errno) }
      // A server may answer and close before it has read everything.
      var rest = request[...]
      while !rest.isEmpty {
        let count = rest.withUnsafeBytes {
          Glibc.send(connection.raw, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
        }
        if count <= 0 { break }
        rest = rest.dropFirst(count)
      }
      var answer: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 65536)
      while case let count = recv(connection.raw, &buffer, buffer.count, 0), count > 0 {
        answer += buffer.prefix(count)
      }
      return String(decoding: answer, as: UTF8.self)
    }
    return Answer(answer)
  }
}

extension RawClient.Answer {
  fileprivate init(_ text: String) {
    let halves = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
    let lines = halves[0].split(separator: "\r\n")
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let field = line.split(separator: ":", maxSplits: 1)
      if field.count == 2 { headers[field[0].lowercased()] = field[1].trimmingCharacters(in: CharacterSet.whitespaces) }
    }
    status = lines.first.flatMap { Int($0.split(separator: " ").dropFirst().first ?? "") } ?? 0
    self.headers = headers
    self.text = halves.count > 1 ? String(halves[1]) : ""
  }
}
