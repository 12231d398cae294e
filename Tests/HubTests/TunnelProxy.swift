import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// A proxy that makes tunnels with CONNECT, as firewalls want it.
final class TunnelProxy: Sendable {
  let port: Int
  /// What it was asked for: `host:port`, and the value of `Proxy-Authorization`.
  var tunnels: [(target: String, authorization: String?)] { state.withLock { $0 } }

  private let state = Mutex<[(target: String, authorization: String?)]>([])
  private let server: NIOAsyncChannel<NIOAsyncChannel<ByteBuffer, ByteBuffer>, Never>
  /// What it answers instead of making a tunnel.
  private let refusal: String?

  static func serving<R: Sendable>(
    refusing refusal: String? = nil, _ body: (TunnelProxy) async throws -> R
  ) async throws -> R {
    let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .bind(host: "127.0.0.1", port: 0) { channel in
        channel.eventLoop.makeCompletedFuture { try bytes(of: channel) }
      }
    let proxy = TunnelProxy(server, refusal)
    async let serving: Void = proxy.serve()
    let result: Result<R, any Error>
    do { result = .success(try await body(proxy)) } catch { result = .failure(error) }
    try? await server.channel.close()
    try? await serving
    return try result.get()
  }

  private init(_ server: NIOAsyncChannel<NIOAsyncChannel<ByteBuffer, ByteBuffer>, Never>, _ refusal: String?) {
    self.server = server
    self.refusal = refusal
    port = server.channel.localAddress?.port ?? 0
  }

  private func serve() async throws {
    try await server.executeThenClose { clients in
      try await withThrowingDiscardingTaskGroup { group in
        for try await client in clients { group.addTask { try? await self.serve(client) } }
        group.cancelAll()
      }
    }
  }

  private func serve(_ client: NIOAsyncChannel<ByteBuffer, ByteBuffer>) async throws {
    try await client.executeThenClose { inbound, outbound in
      var pieces = inbound.makeAsyncIterator()
      var head = ByteBuffer()
      while !String(buffer: head).contains("\r\n\r\n") {
        guard var piece = try await pieces.next() else { return }
        head.writeBuffer(&piece)
      }
      let lines = String(buffer: head).components(separatedBy: "\r\n")
      let target = lines[0].split(separator: " ").dropFirst().first.map(String.init) ?? ""
      let authorization = lines.first { $0.lowercased().hasPrefix("proxy-authorization:") }
      state.withLock {
        $0.append((target, authorization?.drop { $0 != ":" }.dropFirst().trimmingCharacters(in: .whitespaces)))
      }
      if let refusal { return try await outbound.write(ByteBuffer(string: "HTTP/1.1 \(refusal)\r\n\r\n")) }
      let parts = target.split(separator: ":")
      let upstream = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connect(host: String(parts.first ?? ""), port: parts.last.flatMap { Int($0) } ?? 0) { channel in
          channel.eventLoop.makeCompletedFuture { try bytes(of: channel) }
        }
      try await outbound.write(ByteBuffer(string: "HTTP/1.1 200 OK\r\n\r\n"))
      try await upstream.executeThenClose { fromUpstream, toUpstream in
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { for try await piece in fromUpstream { try await outbound.write(piece) } }
          while let piece = try await pieces.next() { try await toUpstream.write(piece) }
          group.cancelAll()
        }
      }
    }
  }
}

private func bytes(of channel: any Channel) throws -> NIOAsyncChannel<ByteBuffer, ByteBuffer> {
  try NIOAsyncChannel(
    wrappingChannelSynchronously: channel,
    configuration: .init(inboundType: ByteBuffer.self, outboundType: ByteBuffer.self))
}
