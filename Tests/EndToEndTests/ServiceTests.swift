import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

/// What the service manager gets to see, on a real notify socket, and what signals do.
@Suite struct ServiceTests {
  @Test(.timeLimit(.minutes(10))) func readyWhenItWatchesAndStoppingWhenItStops() async throws {
    try await withTemporaryDirectory { directory in
      var site = try Site(directory)
      try site.configure()
      let socket = try NotifySocket(at: directory.appending("notify"))
      site.environment["NOTIFY_SOCKET"] = socket.path
      site.environment["WATCHDOG_USEC"] = "400000"
      let daemon = try await site.start()
      let ready = try await socket.message { $0.contains("READY=1") }
      #expect(ready.contains("STATUS=watching 1 tree, 0 directories"))
      // Pings come while it waits; and they come from the pipeline's own loop.
      _ = try await socket.message { $0 == "WATCHDOG=1" }
      try copyTree(Fixtures.outputs("mlx-lora"), to: site.outputs)
      _ = try await socket.message {
        $0.hasPrefix("STATUS=") && $0.contains("org/adapter@") && $0.contains("published")
      }
      #expect(await daemon.stop() == 0)
      _ = try await socket.message { $0.hasPrefix("STOPPING=1") }
    }
  }

  @Test(.timeLimit(.minutes(10))) func aReloadTakesOverAGoodConfigurationAndKeepsTheOldOneForABadOne() async throws {
    try await withTemporaryDirectory { directory in
      let site = try Site(directory)
      try site.configure(repo: "org/one")
      try copyTree(Fixtures.outputs("mlx-lora"), to: site.outputs)
      let daemon = try await site.start()
      try await daemon.line(with: "published org/one@")
      try write("[[publish]]\noutptus = 1\n", to: site.configuration)
      daemon.send(SIGHUP)
      try await daemon.line(with: "the old one goes on")
      try site.configure(repo: "org/two")
      daemon.send(SIGHUP)
      try await daemon.line(with: "the configuration was read again")
      try await daemon.line(with: "published org/two@")
      #expect(await daemon.stop() == 0)
    }
  }

  @Test(.timeLimit(.minutes(10))) func killedAndStartedAgainItGoesOn() async throws {
    try await withTemporaryDirectory { directory in
      let site = try Site(directory)
      try site.configure()
      try copyTree(Fixtures.outputs("peft-lora"), to: site.outputs)
      let daemon = try await site.start()
      try await daemon.line(with: "[event=bundle-ready")
      #expect(await daemon.stop(SIGKILL) == 128 + SIGKILL)
      let again = try await site.start()
      try await again.line { $0.contains("[event=published") || $0.contains("[event=unchanged") }
      #expect(await again.stop() == 0)
      let published = try await site.history().filter { $0.status == "published" }
      #expect(published.count == 1)
      #expect(try StoreReader(root: site.store).commits("org/adapter").count == 1)
      let left = try FileManager.default.contentsOfDirectory(atPath: directory.appending("state/bundles").string)
      #expect(left.isEmpty)
    }
  }
}
