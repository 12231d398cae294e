import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import Kernel

@Suite(.timeLimit(.minutes(10))) struct ConfinedTreeTests {
  /// A tree with one file, and a secret beside the tree.
  private func withTree(_ body: (FilePath, ConfinedTree) throws -> Void) async throws {
    try await withTemporaryDirectory { scratch in
      let root = scratch.appending("tree")
      try makeDirectories(root.appending("deep"))
      try write("inside", to: root.appending("deep").appending("file"))
      try write("secret", to: scratch.appending("secret"))
      try body(root, try ConfinedTree(at: root))
    }
  }

  private func write(_ text: String, to path: FilePath) throws {
    try createFile(path).write(Array(text.utf8), path: path)
  }

  private func expect(_ errno: Errno, _ body: () throws -> Void) {
    let error = #expect(throws: SystemError.self, performing: body)
    #expect(error?.errno == errno)
  }

  @Test func `a file in the tree is opened and read whole`() async throws {
    try await withTree { root, tree in
      let path = root.appending("deep").appending("file")
      let (bytes, identity) = try tree.readFile(path, limit: 6)
      #expect(bytes == Array("inside".utf8))
      #expect(identity == (try FileIdentity(of: path)))
      let file = try tree.openFile(path)
      #expect(try file.read(from: 2, count: 2, path: path) == Array("si".utf8))
      #expect(try file.read(from: 4, count: 100, path: path) == Array("de".utf8))
      #expect(try file.read(from: 100, count: 1, path: path) == [])
      expect(.fileTooLarge) { _ = try tree.readFile(path, limit: 5) }
      expect(.noSuchFileOrDirectory) { _ = try tree.openFile(root.appending("none")) }
    }
  }

  @Test(arguments: ["../secret", "/etc/hostname", "."])
  func `a symbolic link is refused wherever it leads`(target: String) async throws {
    try await withTree { root, tree in
      #expect(symlink(target, root.appending("link").string) == 0)
      expect(.tooManySymbolicLinkLevels) { _ = try tree.openFile(root.appending("link")) }
      expect(.tooManySymbolicLinkLevels) { _ = try tree.openFile(root.appending("link").appending("x")) }
      expect(.tooManySymbolicLinkLevels) { _ = try tree.listDirectory(root.appending("link")) }
    }
  }

  @Test func `a directory on the way that is a symbolic link is refused`() async throws {
    try await withTree { root, tree in
      #expect(symlink("deep", root.appending("alias").string) == 0)
      expect(.tooManySymbolicLinkLevels) { _ = try tree.openFile(root.appending("alias").appending("file")) }
    }
  }

  @Test func `no way leads out of the tree`() async throws {
    try await withTree { root, tree in
      expect(.improperLink) { _ = try tree.openFile(root.appending("..").appending("secret")) }
      expect(.improperLink) { _ = try tree.openFile(root.appending("deep/../../secret")) }
      expect(.improperLink) { _ = try tree.listDirectory(root.appending("..")) }
      // Another path, and one that only begins with the same letters.
      expect(.improperLink) { _ = try tree.openFile("/etc/hostname") }
      expect(.improperLink) { _ = try tree.openFile(FilePath(root.string + "2/file")) }
      expect(.improperLink) { _ = try tree.openFile(root) }
    }
  }

  @Test func `what is no regular file is refused, and a FIFO does not block`() async throws {
    try await withTree { root, tree in
      #expect(mkfifo(root.appending("fifo").string, 0o600) == 0)
      expect(.invalidArgument) { _ = try tree.openFile(root.appending("fifo")) }
      expect(.invalidArgument) { _ = try tree.openFile(root.appending("deep")) }
      expect(.notDirectory) { _ = try tree.listDirectory(root.appending("deep").appending("file")) }
    }
  }

  @Test func `the root may be given through a symbolic link, and must be a directory`() async throws {
    try await withTree { root, _ in
      let alias = root.removingLastComponent().appending("alias")
      #expect(symlink("tree", alias.string) == 0)
      let tree = try ConfinedTree(at: alias)
      #expect(try tree.readFile(alias.appending("deep").appending("file"), limit: 10).bytes == Array("inside".utf8))
      expect(.notDirectory) { _ = try ConfinedTree(at: root.appending("deep").appending("file")) }
      expect(.noSuchFileOrDirectory) { _ = try ConfinedTree(at: root.appending("none")) }
    }
  }

  @Test func `a listing has each name once, with its kind, as bytes`() async throws {
    try await withTree { root, tree in
      let odd = [0xff, 0x0a] + [UInt8](repeating: 0x61, count: 253)
      try makeDirectories(FilePath(bytes: root.bytes + [0x2f] + odd))
      try write("x", to: root.appending(".hidden"))
      #expect(symlink("nowhere", root.appending("link").string) == 0)
      #expect(mkfifo(root.appending("fifo").string, 0o600) == 0)
      let entries = try tree.listDirectory(root)
      #expect(entries.count == 5)
      #expect(
        Dictionary(uniqueKeysWithValues: entries.map { ($0.name, $0.kind) }) == [
          odd: .directory, Array("deep".utf8): .directory, Array(".hidden".utf8): .regularFile,
          Array("link".utf8): .symbolicLink, Array("fifo".utf8): .other,
        ])
      for entry in entries {
        #expect(entry.inode == (try FileIdentity(of: FilePath(bytes: root.bytes + [0x2f] + entry.name)).inode))
      }
      #expect(try tree.listDirectory(root.appending("deep")).map(\.name) == [Array("file".utf8)])
    }
  }

  @Test func `a listing can be longer than one buffer of the kernel's`() async throws {
    try await withTree { root, tree in
      // 32 KiB, see getdents64(2).
      let long = String(repeating: "n", count: 60)
      for index in 0..<500 { try write("", to: root.appending("deep").appending("\(index)-\(long)")) }
      let names = Set(try tree.listDirectory(root.appending("deep")).map(\.name))
      #expect(names.count == 501)
    }
  }

  @Test func `the file system's root can be a tree`() throws {
    let tree = try ConfinedTree(at: "/")
    #expect(try tree.listDirectory("/").contains { $0.name == Array("proc".utf8) && $0.kind == .directory })
    #expect(try !tree.listDirectory("/proc").isEmpty)
  }
}
