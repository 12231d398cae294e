import Foundation
import Kernel
import SystemPackage
import TestSupport
import Testing

/// Symbolic links: none is followed, each is said once.
@Suite(.timeLimit(.minutes(10))) struct LinkTests {
  @Test func noneIsFollowedAndEachIsSaidOnce() async throws {
    try await withTemporaryDirectory { directory in
      let site = try Site(directory)
      try site.configure(repo: "org/{directory}")
      let outside = directory.appending("outside")
      try MadeAdapter(version: 1).write(to: outside)
      try write("secret", to: outside.appending("README.md"))
      let run = site.outputs.appending("run")
      try MadeAdapter(version: 2).write(to: run)
      func link(_ target: String, _ name: String) {
        #expect(symlink(target, site.outputs.appending(name).string) == 0)
      }
      link(outside.string, "directory")
      link("../outside", "relative")
      link(".", "loop")
      link("nowhere", "dangling")
      link("run", "within")
      link("/etc", "etc")
      // An adapter whose weights, and one whose configuration and card are somebody else's.
      try write(MadeAdapter.configuration, to: site.outputs.appending("weights/adapter_config.json"))
      link(outside.appending(MadeAdapter.weightsName).string, "weights/adapters.safetensors")
      try write(MadeAdapter(version: 3).weights, to: site.outputs.appending("config/adapters.safetensors"))
      link(outside.appending("adapter_config.json").string, "config/adapter_config.json")
      link(outside.appending("README.md").string, "run/README.md")

      let daemon = try await site.start()
      let links = [
        "directory", "relative", "loop", "dangling", "within", "etc", "run/README.md", "weights/adapters.safetensors",
        "config/adapter_config.json",
      ]
      for link in links {
        try await daemon.line { $0.contains("/outputs/\(link)") && $0.contains("symbolic link") }
      }
      try await daemon.line(with: "published org/run@")
      // All is looked at again, and nothing said again.
      let count = daemon.count
      daemon.send(SIGHUP)
      try await daemon.line(from: count, with: "[event=config-reloaded")
      try write("x", to: run.appending("notes.txt"))
      try await site.sentinel("after", daemon)
      #expect(await daemon.stop() == 0)
      for link in links {
        let told = daemon.lines.prefix(count).filter { $0.contains("/outputs/\(link)") && $0.contains("symbolic link") }
        #expect(told.count == 1, "\(told)")
      }
      let store = StoreReader(root: site.store)
      #expect(Set(store.repos()) == ["org/run", "org/after"])
      for commit in try store.commits("org/run") {
        #expect(commit[MadeAdapter.weightsName] == MadeAdapter(version: 2).weights)
        #expect(!commit.values.contains { $0.starts(with: "secret".utf8) })
      }
    }
  }
}
