import Kernel
import SystemPackage
import TestSupport
import Testing

@Suite struct FileLockTests {
  @Test func `one holds it at a time, and it is free when its holder goes`() async throws {
    try await withTemporaryDirectory { root in
      let path = root.appending("state").appending("lock")
      let lock = try FileLock(at: path, waiting: false)
      #expect(throws: SystemError("lock", path, .wouldBlock)) { _ = try FileLock(at: path, waiting: false) }
      lock.release()
      do { _ = try FileLock(at: path, waiting: false) }
      _ = try FileLock(at: path, waiting: true)
    }
  }
}
