import Foundation
import Logging
import SystemPackage
import TestHub
import TestSupport
import Testing

@testable import Hub

/// The network as it is: proxies, and certificates that are not what they should be.
@Suite(.timeLimit(.minutes(5))) struct NetworkTests {
  // MARK: which proxy for what

  @Test(arguments: [
    (["HTTPS_PROXY": "http://proxy:8080"], true), (["https_proxy": "proxy:8080"], true),
    (["ALL_PROXY": "socks5://proxy"], true), (["HTTP_PROXY": "http://proxy"], false), ([:], false),
    (["HTTPS_PROXY": "http://proxy", "https_proxy": ""], true), (["HTTPS_PROXY": "http://p", "NO_PROXY": "*"], false),
    (["HTTPS_PROXY": "http://p", "NO_PROXY": "huggingface.co"], false),
    (["HTTPS_PROXY": "http://p", "NO_PROXY": "face.co"], true),
    (["HTTPS_PROXY": "http://p", "NO_PROXY": "localhost, .CO"], false),
    (["HTTPS_PROXY": "http://p", "NO_PROXY": "*.co"], false),
    (["HTTPS_PROXY": "http://p", "no_proxy": "huggingface.co:443"], false),
    (["HTTPS_PROXY": "http://p", "no_proxy": "huggingface.co:8443"], true),
  ])
  func theEnvironmentSaysWhatGoesByAProxy(_ environment: [String: String], _ isConcerned: Bool) throws {
    let proxies = try Proxies(environment: environment)
    let origin = try #require(Endpoint.origin(of: "https://huggingface.co/api"))
    #expect(proxies.concern(origin) == isConcerned)
    // In clear, and so on this machine only.
    #expect(!proxies.concern(try #require(Endpoint.origin(of: "http://127.0.0.1:80/"))))
  }

  @Test func anAddressIsExceptedAsItIsWritten() throws {
    let proxies = try Proxies(environment: ["HTTPS_PROXY": "http://p", "NO_PROXY": "10.0.0.1,[::1],fd00::2"])
    for (host, isConcerned) in [("10.0.0.1", false), ("10.0.0.2", true), ("[::1]:8443", false), ("[fd00::2]", false)] {
      #expect(proxies.concern(try #require(Endpoint.origin(of: "https://\(host)/"))) == isConcerned, "\(host)")
    }
  }

  @Test(arguments: ["ftp://user:secret@proxy", "http://", "https://proxy", "socks5://user:secret@proxy"])
  func aProxyThatCannotBeUsedIsSaidWithoutItsPassword(_ value: String) {
    let error = #expect(throws: Proxies.Invalid.self) { try Proxies(environment: ["HTTPS_PROXY": value]) }
    #expect(error?.description.hasPrefix("HTTPS_PROXY: ") == true)
    #expect(error?.description.contains("secret") == false)
  }

  // MARK: certificates

  /// Publishes one file to a Hub that speaks TLS.
  private func publish(
    with identity: (certificate: String, key: String), trusting authority: String?,
    environment: [String: String] = [:], host: String? = nil,
    _ check: (TestHub, Result<Outcome, any Error>) async throws -> Void
  ) async throws {
    var options = TestHub.Options()
    options.tls = identity
    try await withDirectory { directory in
      let files = [try directory.file("config.json", "{}"), try directory.file("w.safetensors", noise(40_000))]
      let caFile = try authority.map { text in
        try write(text, to: directory.appending("ca.pem"))
        return directory.appending("ca.pem")
      }
      let network = try Network(environment: environment, caFile: caFile)
      try await TestHub.withServer(options) { hub in
        let endpoint = host.map { hub.endpoint.replacing("localhost", with: $0) } ?? hub.endpoint
        let client = HubClient(
          endpoint: try Endpoint(parsing: endpoint), token: Token("hf_testwriter"), userAgent: "tests/0",
          timeouts: Timeouts(backoff: .milliseconds(1), retries: 0), network: network,
          logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let outcome: Result<Outcome, any Error>
        do { outcome = .success(try await client.publish(.of(files))) } catch { outcome = .failure(error) }
        try await client.shutdown()
        try await check(hub, outcome)
      }
    }
  }

  @Test func anAuthorityOfOnesOwnIsBelieved() async throws {
    let authority = try TestAuthority()
    try await publish(with: authority.certificate(), trusting: authority.certificate) { hub, outcome in
      _ = try outcome.get()
      #expect(hub.commits("tester/adapter").count == 2)
    }
  }

  @Test func aCertificateThatIsNotToBeTrustedIsNamedAndNothingIsSent() async throws {
    let authority = try TestAuthority()
    let day = 86_400.0
    let cases: [((certificate: String, key: String), trusted: String?, host: String?, reason: String)] = [
      (try authority.certificate(), nil, nil, "signed by nobody whom this machine trusts"),
      (try authority.certificate(from: .now - 2 * day, to: .now - day), authority.certificate, nil, "has expired on"),
      (try authority.certificate(from: .now + day, to: .now + 2 * day), authority.certificate, nil, "not valid before"),
      (try authority.certificate(for: "other.example"), authority.certificate, nil, "is for another name"),
    ]
    for (identity, trusted, host, reason) in cases {
      try await publish(with: identity, trusting: trusted, host: host) { hub, outcome in
        let error = try #require(throws: HubError.self) { try outcome.get() }
        #expect(error.kind == .unavailable)
        #expect(error.description.contains("no secure connection to \(hub.endpoint): "), "\(error)")
        #expect(error.description.contains(reason), "\(error)")
        #expect(hub.requests.isEmpty)
      }
    }
  }

  @Test func aFileWithoutCertificatesIsRefused() async throws {
    try await withDirectory { directory in
      try write("no certificate", to: directory.appending("ca.pem"))
      for name in ["ca.pem", "none.pem"] {
        let error = #expect(throws: Network.Invalid.self) {
          try Network(environment: [:], caFile: directory.appending(name))
        }
        #expect(error?.description.hasPrefix("ca_file = ") == true)
      }
    }
  }

  // MARK: a proxy

  @Test func allGoesByTheProxyAndTheStorageToo() async throws {
    let authority = try TestAuthority()
    try await TunnelProxy.serving { proxy in
      let environment = ["HTTPS_PROXY": "http://me:secret@127.0.0.1:\(proxy.port)"]
      try await publish(
        with: authority.certificate(), trusting: authority.certificate, environment: environment
      ) { hub, outcome in
        _ = try outcome.get()
        #expect(hub.commits("tester/adapter").count == 2)
        #expect(Set(proxy.tunnels.map(\.target)).count == 2, "\(proxy.tunnels)")
        #expect(proxy.tunnels.allSatisfy { $0.target.hasPrefix("localhost:") })
        let basic = "Basic \(Data("me:secret".utf8).base64EncodedString())"
        #expect(proxy.tunnels.allSatisfy { $0.authorization == basic })
        // What is for the proxy's eyes does not go to the Hub.
        #expect(hub.requests.allSatisfy { $0.headers["proxy-authorization"] == nil })
      }
    }
  }

  @Test func whatIsExceptedGoesByItself() async throws {
    let authority = try TestAuthority()
    try await TunnelProxy.serving { proxy in
      let environment = ["HTTPS_PROXY": "http://127.0.0.1:\(proxy.port)", "NO_PROXY": "localhost"]
      try await publish(
        with: authority.certificate(), trusting: authority.certificate, environment: environment
      ) { _, outcome in
        _ = try outcome.get()
        #expect(proxy.tunnels.isEmpty)
      }
    }
  }

  @Test func aProxyThatRefusesIsNamed() async throws {
    let authority = try TestAuthority()
    try await TunnelProxy.serving(refusing: "407 Proxy Authentication Required") { proxy in
      try await publish(
        with: authority.certificate(), trusting: authority.certificate,
        environment: ["HTTPS_PROXY": "http://127.0.0.1:\(proxy.port)"]
      ) { hub, outcome in
        let error = try #require(throws: HubError.self) { try outcome.get() }
        #expect(error.kind == .unavailable)
        #expect(error.description.lowercased().contains("proxy"), "\(error)")
        #expect(hub.requests.isEmpty)
      }
    }
  }
}
