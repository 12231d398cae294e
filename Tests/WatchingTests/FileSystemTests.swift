import Kernel
import SystemPackage
import TestSupport
import Testing

@testable import Watching

/// File systems that inotify does not tell all of, mounted for real.
@Suite(.timeLimit(.minutes(10))) struct FileSystemTests {
  @Test(.enabled(if: Mounts.haveFUSE, "needs bindfs and /dev/fuse"))
  func `what another machine writes is found by looking`() async throws {
    try await Mounts.withBindFS { source, root in
      try makeDirectories(source.appending("run"))
      try await watching(root, method: .auto, timing: .fast) { watcher, marks in
        #expect(watcher.problems.map(\.path) == [root])
        #expect(watcher.problems.first?.isHarmless == true)
        #expect(watcher.problems.first?.description.contains("it is on FUSE") == true)
        #expect(watcher.statistics.watches == 2 && watcher.statistics.polled == 2)
        // Behind the file system's back.
        try write("x", to: source.appending("run").appending("file"))
        await marks.wait(for: root.appending("run"))
        marks.forget()
        try replaceFile(source.appending("run").appending("file"), with: [1, 2, 3])
        await marks.wait(for: root.appending("run"))
        let new = FilePath("new").appending("deep")
        try makeDirectories(source.pushing(new))
        try write("x", to: source.pushing(new).appending("file"))
        await marks.wait(for: root.pushing(new))
        try removeTree(source.appending("new"))
        await marks.wait { watcher.directories == [root, root.appending("run")] }
        // And what this machine writes as ever.
        marks.forget()
        try write("x", to: root.appending("run").appending("other"))
        await marks.wait(for: root.appending("run"))
      }
    }
  }

  @Test(.enabled(if: Mounts.haveFUSE, "needs bindfs and /dev/fuse"))
  func `a root that another machine makes is found`() async throws {
    try await Mounts.withBindFS { source, mounted in
      let root = mounted.appending("out")
      try await watching(root, method: .auto, timing: .fast) { watcher, marks in
        #expect(watcher.problems == [WatchProblem(path: root, errno: .noSuchFileOrDirectory)])
        try makeDirectories(source.appending("out").appending("run"))
        await marks.wait { watcher.directories == [root, root.appending("run")] }
      }
    }
  }

  @Test(.enabled(if: Mounts.areAllowed, "mount(2) is not allowed"))
  func `on overlayfs what comes through its layers is found by a slow look`() async throws {
    try await Mounts.withOverlay { lower, upper, root in
      try makeDirectories(root.appending("run"))
      try await watching(root, method: .auto, timing: .fast) { watcher, marks in
        #expect(watcher.problems.first?.description.contains("it is on overlayfs") == true)
        #expect(watcher.statistics.watches == 2 && watcher.statistics.polled == 2)
        try write("x", to: root.appending("run").appending("file"))
        await marks.wait(for: root.appending("run"))
        try await marks.catchUp(in: root.appending("run"))
        marks.forget()
        try write("x", to: upper.appending("run").appending("beside"))
        await marks.wait(for: root.appending("run"))
      }
    }
  }

  @Test(.enabled(if: Mounts.haveFUSE, "needs bindfs and /dev/fuse"))
  func `only where it begins is said, and only there is looked`() async throws {
    try await Mounts.withBindFS { source, mounted in
      let root = mounted.removingLastComponent()
      try makeDirectories(source.appending("a").appending("b"))
      try await watching(root, method: .auto, timing: .fast) { watcher, _ in
        #expect(watcher.problems.filter { $0.description.contains("FUSE") }.map(\.path) == [mounted])
        #expect(watcher.statistics.directories == 7)  // the scratch directory, source with a/b, mounted with a/b
      }
      try await watching(root, method: .inotify, timing: .fast) { watcher, _ in
        #expect(watcher.problems.isEmpty)
        #expect(watcher.statistics.polled == 0)
      }
    }
  }
}
