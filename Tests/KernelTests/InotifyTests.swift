import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import Kernel

@Suite(.timeLimit(.minutes(10))) struct InotifyTests {
  @Test func `events have their watch, mask and name, in order`() async throws {
    try await withTemporaryDirectory { root in
      let (inotify, odd) = (try Inotify(), [0xff, 0x0a] + [UInt8](repeating: 0x7a, count: 253))
      let watch = try inotify.watch(root, for: [.create, .closeWrite, .delete, .movedFrom, .movedTo, .onlyDirectory])
      #expect(try inotify.read() == [])
      let path = FilePath(bytes: root.bytes + [0x2f] + odd)
      _ = try createFile(path)
      try makeDirectories(root.appending("d"))
      try rename(path, to: root.appending("n"), replacing: false)
      #expect(
        try inotify.read() == [
          InotifyEvent(watch: watch, mask: .create, name: odd),
          InotifyEvent(watch: watch, mask: .closeWrite, name: odd),
          InotifyEvent(watch: watch, mask: [.create, .isDirectory], name: Array("d".utf8)),
          InotifyEvent(watch: watch, mask: .movedFrom, name: odd),
          InotifyEvent(watch: watch, mask: .movedTo, name: Array("n".utf8)),
        ])
      inotify.remove(watch)
      #expect(try inotify.read() == [InotifyEvent(watch: watch, mask: .ignored, name: [])])
      inotify.remove(watch)
    }
  }

  @Test func `a watch belongs to the inode, and ends with it`() async throws {
    try await withTemporaryDirectory { root in
      let inotify = try Inotify()
      let (a, b) = (root.appending("a"), root.appending("b"))
      try makeDirectories(a)
      let watch = try inotify.watch(a, for: [.create, .deleteSelf, .moveSelf])
      try rename(a, to: b, replacing: false)
      #expect(try inotify.watch(b, for: [.create, .deleteSelf, .moveSelf]) == watch)
      try removeTree(b)
      #expect(try inotify.read().map(\.mask) == [.moveSelf, .deleteSelf, .ignored])
    }
  }

  @Test func `an overflow is an event of no watch`() async throws {
    try await withTemporaryDirectory { root in
      let inotify = try Inotify()
      _ = try inotify.watch(root, for: [.create, .delete])
      let limit =
        Int32(try String(decoding: readSmall("/proc/sys/fs/inotify/max_queued_events"), as: UTF8.self)) ?? 16384
      let name = root.appending("link").string
      for _ in 0...limit / 2 where symlink("x", name) != 0 || unlink(name) != 0 { Issue.record("errno \(errno)") }
      var masks: Set<InotifyMask> = []
      var last: InotifyEvent?
      while case let events = try inotify.read(), !events.isEmpty {
        masks.formUnion(events.map(\.mask))
        last = events.last
      }
      #expect(masks == [.create, .delete, .queueOverflow])
      #expect(last == InotifyEvent(watch: -1, mask: .queueOverflow, name: []))
    }
  }

  @Test func `errors have their number and path`() async throws {
    try await withTemporaryDirectory { root in
      let inotify = try Inotify()
      let (file, link) = (root.appending("file"), root.appending("link"))
      _ = try createFile(file)
      #expect(symlink(root.string, link.string) == 0)
      #expect(throws: SystemError("inotify_add_watch", file, .notDirectory)) {
        try inotify.watch(file, for: [.create, .onlyDirectory])
      }
      #expect(throws: SystemError("inotify_add_watch", link, .notDirectory)) {
        try inotify.watch(link, for: [.create, .onlyDirectory, .dontFollow])
      }
    }
  }
}

private func readSmall(_ path: FilePath) throws -> [UInt8] {
  let file = try FileDescriptor.open(path, .readOnly)
  defer { try? file.close() }
  var bytes = [UInt8](repeating: 0, count: 64)
  let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0) }
  return bytes.prefix(count).filter { $0 != UInt8(ascii: "\n") }
}
