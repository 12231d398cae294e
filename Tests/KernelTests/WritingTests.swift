import Glibc
import Kernel
import SystemPackage
import TestSupport
import Testing

@Suite struct WritingTests {
  private func read(_ path: FilePath) throws -> String {
    let (bytes, _) = try ConfinedTree(at: path.removingLastComponent()).readFile(path, limit: 1 << 20)
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func `a new file does not take the place of an old one, nor goes through a link`() async throws {
    try await withTemporaryDirectory { root in
      let (file, link) = (root.appending("file"), root.appending("link"))
      try createFile(file).write(Array("old".utf8), path: file)
      #expect(throws: SystemError("create", file, .fileExists)) { _ = try createFile(file) }
      #expect(symlink("elsewhere", link.string) == 0)
      #expect(throws: SystemError("create", link, .fileExists)) { _ = try createFile(link) }
      #expect(try read(file) == "old")
      #expect(try names(in: root).map(\.string) == ["file", "link"])
    }
  }

  @Test func `directories are made with those above, and may be there already`() async throws {
    try await withTemporaryDirectory { root in
      let deep = root.appending("a").appending("b").appending("c")
      try makeDirectories(deep)
      try makeDirectories(deep)
      #expect(try FileIdentity(of: deep).isDirectory)
      #expect(symlink("a", root.appending("link").string) == 0)
      try makeDirectories(root.appending("link"))
      try makeDirectories(root.appending("link").appending("d"))
      #expect(try FileIdentity(of: root.appending("a").appending("d")).isDirectory)
      let file = root.appending("file")
      _ = try createFile(file)
      #expect(throws: SystemError("make directory", file, .notDirectory)) { try makeDirectories(file) }
      #expect(throws: SystemError.self) { try makeDirectories(file.appending("below")) }
    }
  }

  @Test func `removing a tree leaves what its links lead to`() async throws {
    try await withTemporaryDirectory { root in
      let (tree, kept) = (root.appending("tree"), root.appending("kept"))
      try makeDirectories(tree.appending("a").appending("b"))
      _ = try createFile(tree.appending("a").appending("file"))
      try makeDirectories(kept)
      _ = try createFile(kept.appending("file"))
      #expect(symlink("../kept", tree.appending("link").string) == 0)
      #expect(symlink("nowhere", tree.appending("dangling").string) == 0)
      try removeTree(tree)
      try removeTree(tree)
      #expect(try names(in: root).map(\.string) == ["kept"])
      #expect(try names(in: kept).map(\.string) == ["file"])
    }
  }

  @Test func `names are in the order of their bytes`() async throws {
    try await withTemporaryDirectory { root in
      let expected: [[UInt8]] = [[0x2e, 0x61], [0x41], [0x61], [0x61, 0x62], [0xc3, 0xa4], [0xff]]
      for name in expected.reversed() { _ = try createFile(FilePath(bytes: root.bytes + [0x2f] + name)) }
      #expect(try names(in: root).map(\.bytes) == expected)
      #expect(throws: SystemError("list", root.appending("none"), .noSuchFileOrDirectory)) {
        try names(in: root.appending("none"))
      }
    }
  }

  @Test func `renaming replaces only if it may, and exchanging does so at once`() async throws {
    try await withTemporaryDirectory { root in
      let (one, two) = (root.appending("one"), root.appending("two"))
      for path in [one, two] { try createFile(path).write(path.lastComponent?.bytes ?? [], path: path) }
      #expect(throws: SystemError("rename", one, .fileExists)) { try rename(one, to: two, replacing: false) }
      try exchange(one, two)
      #expect(try read(one) == "two")
      #expect(try read(two) == "one")
      try rename(one, to: two, replacing: true)
      #expect(try read(two) == "two")
      #expect(try names(in: root).map(\.string) == ["two"])
    }
  }

  @Test func `a replaced file is another file, and nothing is left beside it`() async throws {
    try await withTemporaryDirectory { root in
      let path = root.appending("status.json")
      try replaceFile(path, with: Array("first".utf8))
      let first = try FileIdentity(of: path)
      // What a crash may have left.
      _ = try createFile(root.appending(".status.json.new"))
      try replaceFile(path, with: Array("second".utf8), mode: 0o600)
      #expect(try read(path) == "second")
      #expect(try FileIdentity(of: path).inode != first.inode)
      #expect(try FileIdentity(of: path).mode & 0o777 == 0o600)
      #expect(try names(in: root).map(\.string) == ["status.json"])
    }
  }

  @Test func `writing to what is not open for it is an error with its path`() async throws {
    try await withTemporaryDirectory { root in
      _ = try createFile(root.appending("file"))
      let file = try ConfinedTree(at: root).openFile(root.appending("file"))
      #expect(throws: SystemError("write", "/shown", .badFileDescriptor)) { try file.write([1], path: "/shown") }
    }
  }
}
