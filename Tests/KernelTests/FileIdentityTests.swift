import CLinux
import Glibc
import Kernel
import SystemPackage
import TestSupport
import Testing

@Suite struct FileIdentityTests {
  @Test func `it changes with each kind of change, and not by reading`() async throws {
    try await withTemporaryDirectory { scratch in
      let path = scratch.appending("file")
      try createFile(path).write(Array("0123456789".utf8), path: path)
      var last = try FileIdentity(of: path)
      #expect(last.isRegularFile && !last.isDirectory && !last.isSymbolicLink)
      #expect(last.size == 10)

      _ = try ConfinedTree(at: scratch).readFile(path, limit: 100)
      #expect(try FileIdentity(of: path) == last)

      // The kernel's clock for files ticks every few milliseconds: do it until the tick.
      func expectChange(sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void) throws {
        repeat { try body() } while try FileIdentity(of: path).changed == last.changed
        let now = try FileIdentity(of: path)
        #expect(now != last, sourceLocation: sourceLocation)
        last = now
      }
      try expectChange {
        let raw = path.withPlatformString { open($0, O_WRONLY | O_CLOEXEC) }
        defer { close(raw) }
        #expect(pwrite(raw, "X", 1, 3) == 1)
      }
      #expect(last.size == 10)
      try expectChange { #expect(truncate(path.string, 4) == 0) }
      #expect(last.size == 4)
      let before = last
      try expectChange { #expect(chmod(path.string, last.mode & 0o777 == 0o600 ? 0o640 : 0o600) == 0) }
      #expect(last.modified == before.modified)
      try expectChange {
        var times = [timespec(tv_sec: 1, tv_nsec: 5), timespec(tv_sec: 1, tv_nsec: 5)]
        #expect(utimensat(AT_FDCWD, path.string, &times, 0) == 0)
      }
      #expect(last.modified == 1_000_000_005)
      // Once: after a second time the first one's inode may be in use again.
      try replaceFile(path, with: Array("0123".utf8))
      #expect(try FileIdentity(of: path).inode != last.inode)
    }
  }

  @Test func `symbolic links are not followed, an open file is the one at its path`() async throws {
    try await withTemporaryDirectory { scratch in
      #expect(symlink("/", scratch.appending("link").string) == 0)
      let link = try FileIdentity(of: scratch.appending("link"))
      #expect(link.isSymbolicLink && !link.isDirectory)
      #expect(try FileIdentity(of: scratch).isDirectory)
      let file = try createFile(scratch.appending("file"))
      let (open, named) = (try FileIdentity(of: file, path: "x"), try FileIdentity(of: scratch.appending("file")))
      #expect(open == named)
      #expect(throws: SystemError("stat", scratch.appending("none"), .noSuchFileOrDirectory)) {
        try FileIdentity(of: scratch.appending("none"))
      }
    }
  }
}
