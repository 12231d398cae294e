import Foundation
import Kernel
import SystemPackage
import TestSupport
import Testing

/// Names are bytes: whatever they are, the adapter behind them is published, and what is printed stays one line.
@Suite(.timeLimit(.minutes(10))) struct NameTests {
  private static let names: [String: [UInt8]] = [
    "with-spaces": Array("with spaces".utf8),
    "two-x0alines": Array("two\nlines".utf8),
    "dash": Array("-dash".utf8),
    "not-UTF-8-xff-xfe": Array("not UTF-8 ".utf8) + [0xFF, 0xFE],
    String(repeating: "x", count: 80): [UInt8](repeating: UInt8(ascii: "x"), count: 255),
    "escape-x1b-31mred": Array("escape \u{1B}[31mred".utf8),
  ]

  @Test func adaptersInDirectoriesOfAnyName() async throws {
    try await withTemporaryDirectory { directory in
      let site = try Site(directory)
      try site.configure(repo: "org/{directory}")
      try makeDirectories(site.outputs)
      let daemon = try await site.start()
      for name in Self.names.values {
        let plain = directory.appending("plain")
        try MadeAdapter(version: 1).write(to: plain)
        try rename(plain, to: site.outputs.pushing(FilePath(bytes: name)), replacing: false)
      }
      for repo in Self.names.keys { try await daemon.line(with: "published org/\(repo)@") }
      #expect(await daemon.stop() == 0)
      #expect(Set(StoreReader(root: site.store).repos()) == Set(Self.names.keys.map { "org/\($0)" }))
      #expect(!daemon.lines.contains { $0.hasPrefix("lines") || $0.utf8.contains(0x1B) }, "\(daemon.lines)")
    }
  }

  @Test func aPathThatIsTooLongIsSaidAndTheRestIsWatched() async throws {
    try await withTemporaryDirectory { directory in
      let site = try Site(directory)
      try site.configure(repo: "org/{directory}")
      try makeDirectories(site.outputs)
      let name = String(repeating: "d", count: 250)
      // Step by step, since no call takes such a path; and it can only be removed so.
      let script = #"cd "$1"; for i in $(seq 20); do mkdir "$2"; cd -P "$2"; done"#
      let made = try await Program.run("/bin/sh", ["-ec", script, "sh", site.outputs.string, name])
      #expect(made.status == 0, "\(made.errors)")
      let daemon = try await site.start()
      try await daemon.line(with: "its path is longer than the kernel takes")
      try await site.sentinel("beside", daemon)
      #expect(await daemon.stop() == 0)
      _ = try await Program.run("/bin/rm", ["-rf", site.outputs.string])
    }
  }
}
