import Foundation
import Kernel
import SystemPackage
import TestSupport
import Testing

/// Runs `body` with a file, and what asks who writes to it.
///
/// For a process of its own: what another test starts here has this process's files open for a moment, until its exec.
private func withFile(_ body: (FilePath, () throws -> Writers) async throws -> Void) async throws {
  try await withTemporaryDirectory { directory in
    let path = directory.appending("file")
    try write("some bytes", to: path)
    let tree = try ConfinedTree(at: directory)
    try await body(path) { try tree.openFile(path).writers(path: path) }
  }
}

@Suite(.timeLimit(.minutes(10))) struct WritersTests {
  @Test func `whoever has a file open for writing is noticed, and when he lets go of it`() async throws {
    await #expect(processExitsWith: .success) {
      try await withFile { path, writers in
        #expect(try writers() == .none)
        for mode in [FileDescriptor.AccessMode.writeOnly, .readWrite] {
          let file = try FileDescriptor.open(path, mode, options: .closeOnExec)
          #expect(try writers() == .some)
          try file.close()
          #expect(try writers() == .none)
        }
        // Readers are none.
        let reader = try FileDescriptor.open(path, .readOnly)
        #expect(try writers() == .none)
        try reader.close()
      }
    }
  }

  @Test func `nobody has to wait for who asked, though he has the file still open`() async throws {
    await #expect(processExitsWith: .success) {
      try await withFile { path, _ in
        let file = try ConfinedTree(at: path.removingLastComponent()).openFile(path)
        #expect(try file.writers(path: path) == .none)
        // With O_NONBLOCK, open(2) fails where it would have to wait for a lease to be given back.
        let writer = try FileDescriptor.open(path, .writeOnly, options: [.nonBlocking, .closeOnExec])
        #expect(try file.writers(path: path) == .some)
        try writer.close()
      }
    }
  }

  @Test func `a shared mapping is a writer, also when the file is closed`() async throws {
    await #expect(processExitsWith: .success) {
      try await withFile { path, writers in
        let file = try FileDescriptor.open(path, .readWrite, options: .closeOnExec)
        let address = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file.rawValue, 0)
        try file.close()
        #expect(address != MAP_FAILED)
        #expect(try writers() == .some)
        #expect(munmap(address, 4096) == 0)
        #expect(try writers() == .none)
      }
    }
  }

  @Test func `a writer that opens the file meanwhile does so, and no signal ends the process`() async throws {
    await #expect(processExitsWith: .success) {
      try await withTemporaryDirectory { directory in
        let path = directory.appending("file")
        try write("some bytes", to: path)
        let over = Gate()
        Thread.detachNewThread {
          for _ in 0..<50_000 { if let file = try? FileDescriptor.open(path, .writeOnly) { try? file.close() } }
          over.open()
        }
        let tree = try ConfinedTree(at: directory)
        let asking = Task.detached {
          var counts: [Writers: Int] = [:]
          while !Task.isCancelled {
            counts[try tree.openFile(path).writers(path: path), default: 0] += 1
          }
          return counts
        }
        await over.wait()
        asking.cancel()
        let counts = try await asking.value
        #expect(counts[.none, default: 0] > 0)
        #expect(counts[.unknown] == nil)
      }
    }
  }

  @Test(.enabled(if: geteuid() == 0, "only root can become somebody else"))
  func `of another user's file it is not known`() async throws {
    await #expect(processExitsWith: .success) {
      try await withTemporaryDirectory { directory in
        let path = directory.appending("file")
        try write("some bytes", to: path)
        #expect(chmod(directory.string, 0o755) == 0 && chmod(path.string, 0o644) == 0)
        #expect(seteuid(65534) == 0)
        let writers = try ConfinedTree(at: directory).openFile(path).writers(path: path)
        #expect(seteuid(0) == 0)
        #expect(writers == .unknown)
      }
    }
  }

  @Test func `what was never written is a hole`() async throws {
    try await withTemporaryDirectory { directory in
      let path = directory.appending("file")
      let size = 1 << 20
      let file = try FileDescriptor.open(
        path, .readWrite, options: [.create, .closeOnExec], permissions: .ownerReadWrite)
      let tree = try ConfinedTree(at: directory)
      func hasHoles() throws -> Bool { try tree.openFile(path).hasHoles(size: Int64(size)) }
      #expect(ftruncate(file.rawValue, size) == 0)
      #expect(try hasHoles())
      let bytes = [UInt8](repeating: 1, count: size)
      #expect(try file.writeAll(toAbsoluteOffset: 0, bytes.prefix(size / 2)) == size / 2)
      #expect(try hasHoles())
      #expect(try file.writeAll(toAbsoluteOffset: Int64(size / 2), bytes.suffix(size / 2)) == size / 2)
      #expect(try !hasHoles())
      try file.close()
    }
  }
}
