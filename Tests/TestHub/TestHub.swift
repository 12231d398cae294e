import Foundation
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import NIOSSL
import Synchronization

/// A Hugging Face Hub for tests: a real HTTP server on this machine that speaks what a publisher needs of the Hub's
/// protocol, and is strict where the real one or its storage is: it refuses a token on a signed URL, a chunked upload,
/// a wrong digest, a commit of what was not uploaded, a commit on a stale head.
///
/// It keeps a record of every request. That it is a true Hub is proven by the real huggingface_hub in HubTests.
package final class TestHub: Sendable {
  /// `http://127.0.0.1:PORT`.
  package let endpoint: String
  let core: Core

  private init(endpoint: String, core: Core) {
    self.endpoint = endpoint
    self.core = core
  }

  /// Runs a Hub for as long as `body` runs, on a port that the kernel chooses.
  ///
  /// - Throws: what `body` throws, or why the server cannot run.
  package static func withServer<T>(
    _ options: Options = .init(), isolation: isolated (any Actor)? = #isolation,
    _ body: (TestHub) async throws -> T
  ) async throws -> T {
    let core = try Core(options)
    defer { core.removeFiles() }
    // The storage is another place than the Hub, as S3 is: what may go to the one need not go to the other.
    let storage = try await Listener(core)
    core.storage.withLock { $0 = storage.url }
    let server: Listener
    do {
      server = try await Listener(core)
    } catch {
      await storage.stop()
      throw error
    }
    do {
      let result = try await body(TestHub(endpoint: server.url, core: core))
      await server.stop()
      await storage.stop()
      return result
    } catch {
      await server.stop()
      await storage.stop()
      throw error
    }
  }
}

/// An HTTP server on a port of this machine that the kernel chose.
private struct Listener {
  let url: String
  private let running: Task<Void, Never>

  init(_ core: Core) async throws {
    let (ports, portKnown) = AsyncThrowingStream.makeStream(of: Int.self)
    let builder: HTTPServerBuilder
    if let tls = core.options.tls {
      let certificate = try NIOSSLCertificate(bytes: Array(tls.certificate.utf8), format: .pem)
      let key = try NIOSSLPrivateKey(bytes: Array(tls.key.utf8), format: .pem)
      builder = try .tls(
        tlsConfiguration: .makeServerConfiguration(
          certificateChain: [.certificate(certificate)], privateKey: .privateKey(key)))
    } else {
      builder = .http1()
    }
    let application = Application(
      router: core.router(), server: builder,
      configuration: .init(address: .hostname("127.0.0.1", port: 0), serverName: "TestHub"),
      onServerRunning: { channel in
        portKnown.yield(channel.localAddress?.port ?? 0)
        portKnown.finish()
      },
      logger: Logger(label: "TestHub") { _ in SwiftLogNoOpLogHandler() })
    running = Task {
      do {
        try await application.run()
      } catch {
        portKnown.finish(throwing: error)
      }
    }
    guard let port = try await ports.first(where: { _ in true }) else { throw CancellationError() }
    url = core.options.tls == nil ? "http://127.0.0.1:\(port)" : "https://localhost:\(port)"
  }

  /// Ends it, with the connections that are open.
  func stop() async {
    running.cancel()
    await running.value
  }
}
