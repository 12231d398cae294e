import CLinux
import Glibc
import Kernel
import SystemPackage
import TestSupport
import Testing

@testable import Watching

/// What becomes of the watching when the root is not there, or not the one that it was.
@Suite(.serialized, .timeLimit(.minutes(10))) struct RootTests {
  /// The watcher sees what happens in `directory`.
  private func expectWatched(_ directory: FilePath, _ marks: Marks) async throws {
    marks.forget()
    try write("x", to: directory.appending("file-\(UInt64.random(in: 0...UInt64.max))"))
    await marks.wait(for: directory)
    try await marks.catchUp(in: directory)
  }

  @Test func `a missing root is waited for at its nearest parent, whose other names mark nothing`() async throws {
    try await withTemporaryDirectory { scratch in
      let root = scratch.appending("a").appending("b").appending("out")
      try await watching(root) { watcher, marks in
        #expect(watcher.problems == [WatchProblem(path: root, errno: .noSuchFileOrDirectory)])
        #expect(watcher.directories.isEmpty)
        try makeDirectories(scratch.appending("other"))
        try makeDirectories(scratch.appending("a").appending("other"))
        try write("x", to: scratch.appending("a").appending("file"))
        try makeDirectories(root.appending("run"))
        await marks.wait(for: .rootAppeared)
        await marks.wait { watcher.directories == [root, root.appending("run")] }
        #expect(marks.directories.isSubset(of: [root, root.appending("run")]))
        #expect(watcher.problems.isEmpty)
        try await expectWatched(root.appending("run"), marks)
      }
    }
  }

  @Test func `a root that is deleted is waited for, again and again`() async throws {
    try await withTemporaryDirectory { scratch in
      let root = scratch.appending("out")
      try makeDirectories(root.appending("a"))
      try await watching(root) { watcher, marks in
        for _ in 0..<10 {
          try removeTree(root)
          await marks.wait { watcher.problems == [WatchProblem(path: root, errno: .noSuchFileOrDirectory)] }
          #expect(watcher.directories.isEmpty)
          marks.forget()
          try makeDirectories(root.appending("a"))
          await marks.wait(for: .rootAppeared)
          await marks.wait { watcher.directories.count == 2 }
          try await expectWatched(root.appending("a"), marks)
        }
      }
    }
  }

  @Test func `a root that is replaced at once is taken up anew, and the old one is left`() async throws {
    try await withTemporaryDirectory { scratch in
      let (root, next, old) = (scratch.appending("out"), scratch.appending("next"), scratch.appending("old"))
      try makeDirectories(root.appending("a"))
      try makeDirectories(next.appending("b"))
      try await watching(root) { watcher, marks in
        let result = root.withPlatformString { from in
          next.withPlatformString { clinux_renameat2(AT_FDCWD, from, AT_FDCWD, $0, CLINUX_RENAME_EXCHANGE) }
        }
        #expect(result == 0)
        await marks.wait(for: .rootReplaced)
        #expect(watcher.directories == [root, root.appending("b")])
        try await expectWatched(root.appending("b"), marks)
        try rename(next, to: old, replacing: false)
        marks.forget()
        try write("x", to: old.appending("a").appending("file"))
        try await marks.catchUp(in: root)
        #expect(marks.directories == [root])
        #expect(marks.reasons.isEmpty)
      }
    }
  }

  @Test func `a parent that is renamed takes the root away`() async throws {
    try await withTemporaryDirectory { scratch in
      let root = scratch.appending("srv").appending("training").appending("out")
      try makeDirectories(root)
      try await watching(root) { watcher, marks in
        try rename(scratch.appending("srv"), to: scratch.appending("gone"), replacing: false)
        await marks.wait { watcher.directories.isEmpty }
        #expect(watcher.problems.map(\.path) == [root])
        try makeDirectories(root.appending("new"))
        await marks.wait(for: .rootAppeared)
        await marks.wait { watcher.directories == [root, root.appending("new")] }
        try await expectWatched(root, marks)
      }
    }
  }

  @Test func `a root over a symbolic link keeps its name, and a switched link is followed`() async throws {
    try await withTemporaryDirectory { scratch in
      let (first, second) = (scratch.appending("first"), scratch.appending("second"))
      let (link, root) = (scratch.appending("current"), scratch.appending("current").appending("out"))
      try makeDirectories(first.appending("out").appending("a"))
      try makeDirectories(second.appending("out").appending("b"))
      #expect(symlink("first", link.string) == 0)
      try await watching(root) { watcher, marks in
        #expect(watcher.directories == [root, root.appending("a")])
        try await expectWatched(root.appending("a"), marks)
        // The two ways in which links are switched: a rename over it, and (`ln -sfn`) removing and making it.
        #expect(symlink(second.string, scratch.appending("next").string) == 0)
        try rename(scratch.appending("next"), to: link, replacing: true)
        await marks.wait(for: .rootReplaced)
        #expect(watcher.directories == [root, root.appending("b")])
        try await expectWatched(root.appending("b"), marks)
        #expect(unlink(link.string) == 0)
        #expect(symlink(first.string, link.string) == 0)
        await marks.wait { watcher.directories == [root, root.appending("a")] }
        try await expectWatched(root.appending("a"), marks)
      }
    }
  }

  @Test func `a root that is no directory, or a link in a circle, is said, and taken up when it is one`() async throws {
    try await withTemporaryDirectory { scratch in
      let root = scratch.appending("out")
      try write("a file", to: root)
      try await watching(root) { watcher, marks in
        #expect(watcher.problems == [WatchProblem(path: root, errno: .notDirectory)])
        try removeTree(root)
        #expect(symlink("out", root.string) == 0)
        await marks.wait { watcher.problems == [WatchProblem(path: root, errno: .tooManySymbolicLinkLevels)] }
        try removeTree(root)
        try makeDirectories(root)
        await marks.wait(for: .rootAppeared)
        #expect(watcher.problems.isEmpty)
        try await expectWatched(root, marks)
      }
    }
  }

  @Test(.enabled(if: geteuid() == 0, "mount(2) is for root"))
  func `a file system that is mounted over the root, and unmounted, is followed`() async throws {
    try await withTemporaryDirectory { scratch in
      let root = scratch.appending("out")
      try makeDirectories(root.appending("below"))
      try await watching(root) { watcher, marks in
        for _ in 0..<3 {
          #expect(mount("none", root.string, "tmpfs", 0, "size=1m") == 0)
          await marks.wait(for: .rootReplaced)
          await marks.wait { watcher.directories == [root] }
          try makeDirectories(root.appending("above"))
          await marks.wait { watcher.directories == [root, root.appending("above")] }
          try await expectWatched(root.appending("above"), marks)
          // Without MNT_DETACH: it succeeds only if the watcher keeps nothing in it open.
          var result: CInt
          repeat { result = umount2(root.string, 0) } while result != 0 && errno == EBUSY && !Task.isCancelled
          #expect(result == 0)
          marks.forget()
          await marks.wait { watcher.directories == [root, root.appending("below")] }
          try await expectWatched(root.appending("below"), marks)
        }
      }
    }
  }
}
