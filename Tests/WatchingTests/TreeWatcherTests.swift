import Glibc
import Kernel
import SystemPackage
import TestSupport
import Testing

@testable import Watching

/// All on the real kernel. One after another: some of them change its limits.
@Suite(.serialized, .timeLimit(.minutes(10))) struct TreeWatcherTests {
  @Test func `closing after writing marks the directory, writing alone does not`() async throws {
    try await withTemporaryDirectory { root in
      let (a, sentinel) = (root.appending("a"), root.appending("sentinel"))
      try makeDirectories(a)
      try makeDirectories(sentinel)
      let path = a.appending("adapters.safetensors")
      try write("", to: path)
      try await watching(root) { watcher, marks in
        #expect(watcher.directories == [root, a, sentinel])
        let raw = path.withPlatformString { open($0, O_WRONLY | O_CLOEXEC) }
        #expect(Glibc.write(raw, "1234", 4) == 4)
        try await marks.catchUp(in: sentinel)
        #expect(!marks.directories.contains(a))
        close(raw)
        await marks.wait(for: a)
        #expect(marks.reasons.isEmpty)
      }
    }
  }

  @Test func `creating, renaming, linking, deleting and chmod mark the directory that holds the name`() async throws {
    try await withTemporaryDirectory { root in
      let (a, b) = (root.appending("a"), root.appending("b"))
      try makeDirectories(a)
      try makeDirectories(b)
      try await watching(root) { _, marks in
        func expect(_ directories: FilePath..., after body: () throws -> Void) async throws {
          marks.forget()
          try body()
          await marks.wait { marks.directories.isSuperset(of: directories) }
          try await marks.catchUp(in: root)
          #expect(marks.directories == Set(directories + [root]))
        }
        try await expect(a) { try write("x", to: a.appending("one")) }
        try await expect(a, b) { try rename(a.appending("one"), to: b.appending("one"), replacing: false) }
        try await expect(a) { #expect(link(b.appending("one").string, a.appending("two").string) == 0) }
        try await expect(a) { #expect(chmod(a.appending("two").string, 0o600) == 0) }
        try await expect(b) { try removeTree(b.appending("one")) }
      }
    }
  }

  @Test func `temporary names mark nothing, their final name does`() async throws {
    try await withTemporaryDirectory { root in
      let (a, sentinel) = (root.appending("a"), root.appending("sentinel"))
      try makeDirectories(a)
      try makeDirectories(sentinel)
      try await watching(root) { _, marks in
        try write("x", to: a.appending(".tmpQx9"))
        try write("x", to: a.appending("optimizer.pt"))
        try await marks.catchUp(in: sentinel)
        #expect(!marks.directories.contains(a))
        try rename(a.appending(".tmpQx9"), to: a.appending("adapter_model.safetensors"), replacing: false)
        await marks.wait(for: a)
      }
    }
  }

  @Test func `each file in directories made at once is found, 200 times`() async throws {
    try await withTemporaryDirectory { root in
      try await watching(root) { watcher, marks in
        for round in 0..<200 {
          let deep = root.appending("run-\(round)").appending("a").appending("b")
          try makeDirectories(deep)
          try write("x", to: deep.appending("adapters.safetensors"))
        }
        let expected = (0..<200).map { root.appending("run-\($0)").appending("a").appending("b") }
        await marks.wait { marks.directories.isSuperset(of: expected) }
        #expect(watcher.statistics.directories == 601)
        #expect(watcher.statistics.watches == 601)
        #expect(marks.reasons.isEmpty)
      }
    }
  }

  @Test func `a tree that is moved in is found with what is in it`() async throws {
    try await withTemporaryDirectory { scratch in
      let (root, outside) = (scratch.appending("out"), scratch.appending("outside"))
      try makeDirectories(root)
      try makeDirectories(outside.appending("checkpoint-5").appending("x"))
      try write("x", to: outside.appending("checkpoint-5").appending("x").appending("adapters.safetensors"))
      try await watching(root) { watcher, marks in
        try rename(outside, to: root.appending("run"), replacing: false)
        let (run, deep) = (root.appending("run"), root.appending("run").appending("checkpoint-5").appending("x"))
        await marks.wait(for: root, run, deep)
        #expect(watcher.directories == [root, run, run.appending("checkpoint-5"), deep])
      }
    }
  }

  @Test func `a tree that takes the place of an empty directory is found`() async throws {
    try await withTemporaryDirectory { scratch in
      let (root, outside) = (scratch.appending("out"), scratch.appending("outside"))
      let run = root.appending("run")
      try makeDirectories(run)
      try makeDirectories(outside.appending("deep"))
      try await watching(root) { watcher, marks in
        try rename(outside, to: run, replacing: true)
        await marks.wait(for: root, run, run.appending("deep"))
        #expect(watcher.directories == [root, run, run.appending("deep")])
        marks.forget()
        try write("x", to: run.appending("deep").appending("file"))
        await marks.wait(for: run.appending("deep"))
      }
    }
  }

  @Test func `a directory that moves within, out and back is known where it is`() async throws {
    try await withTemporaryDirectory { scratch in
      let (root, away) = (scratch.appending("out"), scratch.appending("away"))
      let (a, b) = (root.appending("a"), root.appending("b"))
      try makeDirectories(a.appending("deep"))
      try makeDirectories(root.appending("sentinel"))
      try await watching(root) { watcher, marks in
        let sentinel = root.appending("sentinel")
        try rename(a, to: b, replacing: false)
        await marks.wait(for: b, b.appending("deep"))
        marks.forget()
        try write("x", to: b.appending("deep").appending("file"))
        await marks.wait(for: b.appending("deep"))
        #expect(!marks.directories.contains(a.appending("deep")))

        try rename(b, to: away, replacing: false)
        await marks.wait(for: root)
        marks.forget()
        try write("x", to: away.appending("deep").appending("unseen"))
        try await marks.catchUp(in: sentinel)
        #expect(marks.directories == [sentinel])
        #expect(watcher.directories == [root, sentinel])
        #expect(watcher.statistics.watches == 2)

        try rename(away, to: a, replacing: false)
        await marks.wait(for: a, a.appending("deep"))
        marks.forget()
        try write("x", to: a.appending("deep").appending("seen"))
        await marks.wait(for: a.appending("deep"))
        #expect(watcher.directories == [root, a, a.appending("deep"), sentinel])
      }
    }
  }

  @Test func `two directories that are exchanged are both known, with what is below them`() async throws {
    try await withTemporaryDirectory { root in
      let (a, b) = (root.appending("a"), root.appending("b"))
      try makeDirectories(a.appending("in-a"))
      try makeDirectories(b.appending("in-b"))
      try await watching(root) { watcher, marks in
        for _ in 0..<5 {
          try exchange(a, b)
          try await marks.catchUp(in: root)
          let below = try [a, b].flatMap { side in [side] + (try names(in: side).map { side.appending($0) }) }
          await marks.wait { Set(watcher.directories) == Set([root] + below) }
          for directory in below {
            try await marks.catchUp(in: directory)
            try removeTree(directory.appending(try #require(names(in: directory).first { $0.string.hasPrefix("s") })))
          }
        }
      }
    }
  }

  @Test func `directories that come and go under one name end as they are`() async throws {
    try await withTemporaryDirectory { root in
      try await watching(root) { watcher, marks in
        let (name, other) = (root.appending("run"), root.appending("other"))
        for round in 0..<200 {
          try makeDirectories(name.appending("deep"))
          if round % 3 == 0 { try rename(name, to: other, replacing: false) }
          if round % 3 == 1 { try removeTree(other) }
          if round % 2 == 0 { try removeTree(name) }
        }
        try removeTree(other)
        try makeDirectories(name.appending("deep"))
        try await marks.catchUp(in: root)
        await marks.wait(for: name.appending("deep"))
        marks.forget()
        try write("x", to: name.appending("deep").appending("file"))
        await marks.wait(for: name.appending("deep"))
        #expect(watcher.directories == [root, name, name.appending("deep")])
        #expect(watcher.statistics.watches == 3)
      }
    }
  }

  @Test func `excluded directories and the daemon's own are never watched or marked`() async throws {
    try await withTemporaryDirectory { root in
      let (bundle, sentinel) = (root.appending("hf_bundle"), root.appending("sentinel"))
      try makeDirectories(root.appending("wandb").appending("deep"))
      try makeDirectories(bundle.appending("deep"))
      try makeDirectories(sentinel)
      // Its own directory as the config spells it: over a symbolic link, so that only the inode gives it away.
      #expect(symlink(root.string, root.appending("link").string) == 0)
      let own = root.appending("link").appending("hf_bundle")
      try await watching(root, excluding: ["mine"], own: [own]) { watcher, marks in
        try write("x", to: root.appending("wandb").appending("file"))
        try write("x", to: bundle.appending("config.json"))
        try makeDirectories(bundle.appending("more"))
        try makeDirectories(root.appending("mine").appending("deep"))
        try write("x", to: root.appending("mine").appending("deep").appending("file"))
        try makeDirectories(root.appending(".tmp-bundle"))
        #expect(chmod(bundle.string, 0o700) == 0)
        try await marks.catchUp(in: sentinel)
        #expect(marks.directories == [sentinel])
        #expect(watcher.directories == [root, sentinel])
      }
    }
  }

  @Test func `symbolic links below the root are not followed`() async throws {
    try await withTemporaryDirectory { scratch in
      let (root, outside) = (scratch.appending("out"), scratch.appending("outside"))
      try makeDirectories(root)
      try makeDirectories(outside.appending("deep"))
      #expect(symlink(outside.string, root.appending("before").string) == 0)
      try await watching(root) { watcher, marks in
        #expect(symlink(outside.string, root.appending("after").string) == 0)
        #expect(symlink(root.string, root.appending("loop").string) == 0)
        await marks.wait(for: root)
        try write("x", to: outside.appending("deep").appending("file"))
        try await marks.catchUp(in: root)
        #expect(marks.directories == [root])
        #expect(watcher.directories == [root])
      }
    }
  }

  @Test(arguments: [
    Array("with space\nand newline".utf8), [0xff, 0xfe, 0x80], [UInt8](repeating: 0x61, count: 255),
    Array("\u{1b}[31m".utf8), Array("-rf *".utf8),
  ])
  func `a name of any bytes is known by its bytes`(name: [UInt8]) async throws {
    try await withTemporaryDirectory { root in
      try await watching(root) { watcher, marks in
        let directory = FilePath(bytes: root.bytes + [0x2f] + name)
        try makeDirectories(directory)
        await marks.wait(for: directory)
        marks.forget()
        try write("x", to: FilePath(bytes: directory.bytes + [0x2f] + name))
        await marks.wait(for: directory)
        #expect(watcher.directories.map(\.bytes) == [root.bytes, root.bytes + [0x2f] + name])
      }
    }
  }

  @Test func `more directories than the limit are everything`() async throws {
    try await withTemporaryDirectory { root in
      try await watching(root, limit: 5) { watcher, marks in
        for index in 0..<50 { try makeDirectories(root.appending("run-\(index)")) }
        await marks.wait(for: .tooMany)
        await marks.wait { watcher.directories.count == 51 }
      }
    }
  }

  @Test func `a rescan that is asked for is walked, then marked`() async throws {
    try await withTemporaryDirectory { root in
      try makeDirectories(root.appending("a"))
      try await watching(root) { watcher, marks in
        #expect(watcher.statistics.rescans == 1)
        watcher.rescan(.reload)
        await marks.wait(for: .reload)
        #expect(watcher.statistics.rescans == 2)
        #expect(watcher.directories == [root, root.appending("a")])
        #expect(watcher.problems.isEmpty)
      }
    }
  }

  @Test(arguments: [TreeWatcher.Method.inotify, .poll])
  func `a path that is too long is a problem, the rest is watched`(method: TreeWatcher.Method) async throws {
    try await withTemporaryDirectory { scratch in
      let (root, away) = (scratch.appending("out"), scratch.appending("away"))
      let name = String(repeating: "d", count: 250)
      let top = root.appending(name)
      try makeDirectories(root)
      try await watching(root, method: method, timing: .fast) { watcher, marks in
        // Made by relative names, since no call takes the whole path.
        var parent = root.withPlatformString { open($0, O_DIRECTORY | O_RDONLY) }
        for _ in 0..<18 {
          #expect(mkdirat(parent, name, 0o755) == 0)
          let child = openat(parent, name, O_DIRECTORY | O_RDONLY)
          close(parent)
          parent = child
        }
        close(parent)
        await marks.wait { !watcher.problems.isEmpty }
        #expect(watcher.problems.map(\.cause) == [.errno(.fileNameTooLong)])
        #expect(watcher.statistics.directories > 10)
        try rename(top, to: away, replacing: false)
        await marks.wait { watcher.problems.isEmpty && watcher.directories == [root] }
      }
      // removeTree(_:) takes no such path either: shorten it from the top.
      while rmdir(away.string) != 0 {
        try rename(away.appending(name), to: top, replacing: false)
        try removeTree(away)
        try rename(top, to: away, replacing: false)
      }
    }
  }

  @Test func `polling finds what inotify would`() async throws {
    try await withTemporaryDirectory { root in
      let a = root.appending("a")
      try makeDirectories(a)
      try write("x", to: a.appending("file"))
      try await watching(root, method: .poll, timing: .fast) { watcher, marks in
        #expect(watcher.statistics.watches == 0)
        #expect(watcher.problems.isEmpty)
        #expect(watcher.statistics.polled == 2)
        func expect(_ directories: FilePath..., after body: () throws -> Void) async throws {
          marks.forget()
          try body()
          await marks.wait { marks.directories.isSuperset(of: directories) }
        }
        try await expect(a) { try replaceFile(a.appending("file"), with: [1]) }
        try await expect(a) { #expect(chmod(a.appending("file").string, 0o600) == 0) }
        try await expect(a.appending("b").appending("c")) { try makeDirectories(a.appending("b").appending("c")) }
        try await expect(a) { try removeTree(a.appending("b")) }
        await marks.wait { watcher.directories == [root, a] }
      }
    }
  }

  @Test func `run is for one call`() async throws {
    try await withTemporaryDirectory { root in
      try await watching(root) { watcher, _ in
        await #expect(throws: SystemError("watch", root, .resourceBusy)) { try await watcher.run() }
      }
      #expect(throws: SystemError("watch", "relative", .invalidArgument)) {
        try TreeWatcher(root: "relative", exclusions: Exclusions(names: [], own: []), dirty: DirtySet())
      }
    }
  }
}
