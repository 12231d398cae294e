import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS

/// Finds out in words why a server's certificate was refused: the TLS library says only that it was.
///
/// It looks at the certificate once more, on a connection of its own on which nothing is sent.
enum CertificateDiagnosis {
  /// - Returns: why, and what can be done; `nil` if that cannot be seen.
  static func reason(for origin: Origin, now: Date = Date()) async -> (reason: String, remedy: String)? {
    guard let certificate = try? await certificate(of: origin) else { return nil }
    func date(_ time: time_t) -> String { Date(timeIntervalSince1970: TimeInterval(time)).formatted(.iso8601) }
    let seconds = time_t(now.timeIntervalSince1970)
    if certificate.notValidAfter < seconds {
      return ("its certificate has expired on \(date(certificate.notValidAfter))", "whoever runs it has to renew it")
    }
    if certificate.notValidBefore > seconds {
      return (
        "its certificate is not valid before \(date(certificate.notValidBefore))",
        "check the clock of this machine, where it is \(date(seconds))"
      )
    }
    return (
      "its certificate is signed by nobody whom this machine trusts",
      "if it is a Hub or a proxy of your own, name its authority's certificate in ca_file"
    )
  }

  private static let patience: TimeAmount = .seconds(5)

  private static func certificate(of origin: Origin) async throws -> NIOSSLCertificate? {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.certificateVerification = .none
    let context = try NIOSSLContext(configuration: configuration)
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connectTimeout(patience)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          // A name is asked for where there is one; an address cannot be.
          let isName = (try? SocketAddress(ipAddress: origin.host, port: origin.port)) == nil
          try channel.pipeline.syncOperations.addHandlers([
            try NIOSSLClientHandler(context: context, serverHostname: isName ? origin.host : nil),
            HandshakeWaiter(channel.eventLoop.makePromise(of: Void.self), patience),
          ])
        }
      }
      .connect(host: origin.host, port: origin.port).get()
    do {
      try await channel.pipeline.handler(type: HandshakeWaiter.self).flatMap { $0.done }.get()
      let certificate = try await channel.nioSSL_peerCertificate().get()
      try? await channel.close()
      return certificate
    } catch {
      try? await channel.close()
      throw error
    }
  }

  /// Tells when the handshake is over.
  private final class HandshakeWaiter: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    private let promise: EventLoopPromise<Void>
    private let patience: TimeAmount
    var done: EventLoopFuture<Void> { promise.futureResult }

    init(_ promise: EventLoopPromise<Void>, _ patience: TimeAmount) {
      self.promise = promise
      self.patience = patience
    }

    func handlerAdded(context: ChannelHandlerContext) {
      let promise = self.promise
      let timer = context.eventLoop.scheduleTask(in: patience) { promise.fail(ChannelError.connectTimeout(.zero)) }
      promise.futureResult.whenComplete { _ in timer.cancel() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      if case .handshakeCompleted? = event as? TLSUserEvent { promise.succeed() }
      context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { promise.fail(error) }

    func channelInactive(context: ChannelHandlerContext) { promise.fail(ChannelError.eof) }
  }
}
