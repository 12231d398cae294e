import Foundation
import Kernel
import SystemPackage
import TestSupport
import Testing

/// The ways in which files come to be under their names: only what stands there in the end counts.
@Suite(.timeLimit(.minutes(10))) struct WriterTests {
  /// A shell's command that brings the adapter in `$1` to the directory `$2`, which does not exist.
  enum Writer: String, CaseIterable, Sendable {
    case cp = #"cp -a "$1" "$2""#
    case move = #"cp -a "$1" "$2.elsewhere" && mv "$2.elsewhere" "$2""#
    case hardLinks = #"mkdir "$2" && ln "$1"/* "$2""#
    case tar = #"mkdir "$2" && tar -C "$1" -cf - . | tar -C "$2" -xf -"#
    case git = """
      cd "$1" && export GIT_CONFIG_GLOBAL=/dev/null && git init -q -b main . && git add . \
      && git -c user.name=a -c user.email=a@b commit -q -m weights && git clone -q . "$2"
      """
    case renaming =
      #"mkdir "$2" && for f in "$1"/*; do n=${f##*/}; cp "$f" "$2/.$n.tmp" && mv "$2/.$n.tmp" "$2/$n"; done"#
    case editor = #"""
      cp -a "$1" "$2" && cd "$2" && cp adapter_config.json .adapter_config.json.swp && touch 4913 && rm 4913 \
      && mv adapter_config.json adapter_config.json~ && cp -p adapter_config.json~ adapter_config.json \
      && rm adapter_config.json~ .adapter_config.json.swp
      """#
    case rsync = #"rsync -a "$1/" "$2""#
    case rsyncInPlace = #"rsync -a --inplace "$1/" "$2""#
    case rsyncPartial = #"rsync -a --partial-dir=.partial --delay-updates "$1/" "$2""#

    var name: String { "\(self)" }
    var needsRsync: Bool { rawValue.contains("rsync") }
  }

  private static let hasRsync = access("/usr/bin/rsync", X_OK) == 0

  @Test func eachBringsTheAdapterAndNothingElse() async throws {
    try await withTemporaryDirectory { directory in
      let site = try Site(directory)
      try site.configure(repo: "org/{directory}")
      try makeDirectories(site.outputs)
      let daemon = try await site.start()
      let fixture = Fixtures.outputs("mlx-lora").appending("adapters")
      let writers = Writer.allCases.filter { Self.hasRsync || !$0.needsRsync }
      for writer in writers {
        let source = directory.appending("source-\(writer.name)")
        try copyTree(fixture, to: source)
        // Long ago, as in an archive.
        for name in try names(in: source) {
          let path = source.appending(name).string
          try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1_600_000_000)], ofItemAtPath: path)
        }
        let target = site.outputs.appending(writer.name)
        let result = try await Program.run("/bin/sh", ["-ec", writer.rawValue, "sh", source.string, target.string])
        #expect(result.status == 0, "\(writer): \(result.errors)")
      }
      let store = StoreReader(root: site.store)
      let weights = try contents(fixture.appending("adapters.safetensors"))
      for writer in writers {
        try await daemon.line(with: "published org/\(writer.name)@")
        for commit in try store.commits("org/\(writer.name)") {
          #expect(commit["adapters.safetensors"] == weights, "\(writer)")
          #expect(!commit.keys.contains { $0.hasPrefix(".") || $0.hasSuffix("~") || $0.contains("tmp") }, "\(writer)")
        }
      }
      #expect(await daemon.stop() == 0)
      #expect(Set(store.repos()) == Set(writers.map { "org/\($0.name)" }))
      #expect(!daemon.lines.contains { $0.contains(" error ") }, "\(daemon.lines)")
    }
  }

  @Test func anotherBranchThatIsCheckedOutIsTheNewState() async throws {
    try await withTemporaryDirectory { directory in
      let site = try Site(directory)
      try site.configure()
      let git = #"""
        export GIT_CONFIG_GLOBAL=/dev/null; cd "$1"; shift; git -c user.name=a -c user.email=a@b "$@"
        """#
      func run(_ arguments: String...) async throws {
        let result = try await Program.run("/bin/sh", ["-ec", git, "sh", site.outputs.string] + arguments)
        #expect(result.status == 0, "\(result.errors)")
      }
      let (one, two) = (MadeAdapter(version: 1), MadeAdapter(version: 2))
      try makeDirectories(site.outputs)
      for (adapter, branch) in [(one, "one"), (two, "two")] {
        if branch == "one" { try await run("init", "-q", "-b", "one") }
        if branch == "two" { try await run("checkout", "-q", "-b", "two") }
        try adapter.write(to: site.outputs)
        try await run("add", ".")
        try await run("commit", "-q", "-m", branch)
      }
      let daemon = try await site.start()
      try await daemon.line(with: "[event=published")
      let count = daemon.count
      try await run("checkout", "-q", "one")
      try await daemon.line(from: count, with: "[event=published")
      #expect(await daemon.stop() == 0)
      let store = StoreReader(root: site.store)
      #expect(try store.files("org/adapter", at: store.head("org/adapter"))["adapters.safetensors"] == one.weights)
      #expect(try Set(store.weights("org/adapter")) == [one.weights, two.weights])
    }
  }
}
