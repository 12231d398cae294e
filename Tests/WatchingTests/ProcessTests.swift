import Glibc
import Kernel
import SystemPackage
import TestSupport
import Testing

@testable import Watching

/// What needs a process of its own: counting its descriptors and threads, or giving up root's rights.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ProcessTests {
  @Test func `a watcher that is stopped leaves no thread and no descriptor`() async {
    await #expect(processExitsWith: .success) {
      try await withTemporaryDirectory { root in
        for index in 0..<50 { try makeDirectories(root.appending("run-\(index)")) }
        let self_ = FilePath("/proc/self")
        func threads() throws -> Int {
          try names(in: self_.appending("task")).filter {
            let comm = self_.appending("task").appending($0).appending("comm")
            guard let file = try? FileDescriptor.open(comm, .readOnly) else { return false }
            defer { try? file.close() }
            var bytes = [UInt8](repeating: 0, count: 32)
            let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0) }
            return String(decoding: bytes.prefix(count), as: UTF8.self) == "adapterd-watch\n"
          }.count
        }
        // Once before counting: what the runtime opens for itself stays open.
        try await watching(root) { _, _ in }
        let before = try names(in: self_.appending("fd")).count
        for _ in 0..<20 {
          try await watching(root) { watcher, _ in
            #expect(watcher.statistics.watches == 51)
            let (running, open) = (try threads(), try names(in: self_.appending("fd")).count)
            #expect(running == 1)
            #expect(open > before)
          }
        }
        let (running, open) = (try threads(), try names(in: self_.appending("fd")).count)
        #expect(open == before)
        #expect(running == 0)
      }
    }
  }

  @Test(.enabled(if: geteuid() == 0, "only root can become somebody else"))
  func `what may not be read is a problem with its path, until it may be read`() async {
    await #expect(processExitsWith: .success) {
      try await withTemporaryDirectory { scratch in
        #expect(chmod(scratch.string, 0o777) == 0)
        let root = scratch.appending("out")
        try await becomeNobody {
          try makeDirectories(root.appending("closed").appending("deep"))
          try makeDirectories(root.appending("open"))
          #expect(chmod(root.appending("closed").string, 0) == 0)
          try await watching(root) { watcher, marks in
            let closed = root.appending("closed")
            #expect(watcher.problems == [WatchProblem(path: closed, errno: .permissionDenied)])
            #expect(watcher.directories == [root, root.appending("open")])
            #expect(chmod(closed.string, 0o755) == 0)
            await marks.wait(for: closed, closed.appending("deep"))
            #expect(watcher.problems.isEmpty)

            #expect(chmod(root.string, 0o311) == 0)
            watcher.rescan(.reload)
            await marks.wait { watcher.problems == [WatchProblem(path: root, errno: .permissionDenied)] }
            #expect(chmod(root.string, 0o755) == 0)
            await marks.wait { watcher.problems.isEmpty && watcher.directories.count == 4 }
          }
          #expect(chmod(root.string, 0o311) == 0)
          try await watching(root) { watcher, marks in
            #expect(watcher.problems == [WatchProblem(path: root, errno: .permissionDenied)])
            #expect(watcher.problems.first?.description.contains("may not read it") == true)
            #expect(chmod(root.string, 0o755) == 0)
            await marks.wait(for: .rootAppeared)
            await marks.wait { watcher.directories.count == 4 }
          }
        }
      }
    }
  }

  @Test(.enabled(if: geteuid() == 0, "the limit is root's to set"))
  func `without enough watches the rest is polled, and watched when there are more`() async {
    await #expect(processExitsWith: .success) {
      try await withTemporaryDirectory { scratch in
        #expect(chmod(scratch.string, 0o777) == 0)
        let root = scratch.appending("out")
        // Watches are counted for each user: this user has none yet. Other tests are root's, who has fewer than that.
        try await withKernelLimit("max_user_watches", 3000) { restoreLimit in
          try await becomeNobody {
            for index in 0..<3100 { try makeDirectories(root.appending("run-\(index)")) }
            try await watching(root, timing: .fast) { watcher, marks in
              #expect(watcher.statistics.directories == 3101)
              #expect((1...3000).contains(watcher.statistics.watches))
              #expect(watcher.statistics.polled == 3101 - watcher.statistics.watches)
              #expect(watcher.problems.first?.description.contains("sysctl fs.inotify.max_user_watches=65536") == true)
              let all = (0..<3100).map { root.appending("run-\($0)") }
              for run in all { try write("x", to: run.appending("file")) }
              await marks.wait { marks.directories.isSuperset(of: all) }
              try makeDirectories(root.appending("run-0").appending("deep"))
              await marks.wait(for: root.appending("run-0").appending("deep"))

              // sysctl asks for the rights of who writes, not of who opened.
              try #require(seteuid(0) == 0)
              try restoreLimit()
              try #require(seteuid(65534) == 0)
              await marks.wait { watcher.statistics.polled == 0 && watcher.problems.isEmpty }
              #expect(watcher.statistics.watches == 3102)
            }
          }
        }
      }
    }
  }

  @Test(.enabled(if: geteuid() == 0, "only root can become somebody else"))
  func `without an inotify instance the tree is polled, and watched when there is one`() async {
    await #expect(processExitsWith: .success) {
      try await withTemporaryDirectory { scratch in
        #expect(chmod(scratch.string, 0o777) == 0)
        let root = scratch.appending("out")
        // Instances are counted for each user: this user has none yet, and other tests are root's.
        try await becomeNobody {
          try makeDirectories(root.appending("run"))
          var limit = rlimit()
          #expect(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
          var taken: [Inotify] = []
          do throws(SystemError) {
            while taken.count < limit.rlim_cur - 100 { taken.append(try Inotify()) }
            return  // so many are allowed that the descriptors would not do
          } catch {
            #expect(error.errno == .tooManyOpenFiles)
          }
          try await watching(root, timing: .fast) { watcher, marks in
            #expect(watcher.problems.map(\.cause) == [.noInstances])
            #expect(watcher.problems.first?.description.contains("sysctl fs.inotify.max_user_instances=") == true)
            #expect(watcher.statistics.watches == 0 && watcher.statistics.polled == 2)
            try write("x", to: root.appending("run").appending("file"))
            await marks.wait(for: root.appending("run"))
            try makeDirectories(root.appending("new").appending("deep"))
            await marks.wait(for: root.appending("new").appending("deep"))

            taken = []
            await marks.wait { watcher.statistics.polled == 0 && watcher.problems.isEmpty }
            #expect(watcher.statistics.watches == 4)
            marks.forget()
            try write("x", to: root.appending("new").appending("file"))
            await marks.wait(for: root.appending("new"))
          }
        }
      }
    }
  }
}

/// Runs `body` without root's rights. For a process of its own.
private func becomeNobody(_ body: () async throws -> Void) async throws {
  try #require(seteuid(65534) == 0)
  defer { _ = seteuid(0) }
  try await body()
}
