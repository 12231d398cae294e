import Kernel
import Synchronization
import SystemPackage
import Testing

@Suite(.timeLimit(.minutes(10))) struct WorkerTests {
  @Test func `it gives back the result, or the error`() async throws {
    let worker = Worker("test")
    #expect(try await worker.run { 42 } == 42)
    await #expect(throws: SystemError("read", "/a", .ioError)) {
      try await worker.run { throw SystemError("read", "/a", .ioError) }
    }
  }

  @Test func `it does one piece after another`() async throws {
    let worker = Worker("test")
    let running = Running()
    try await withThrowingTaskGroup { group in
      for _ in 0..<200 {
        group.addTask {
          let together = try await worker.run {
            defer { running.count.withLock { $0 -= 1 } }
            return running.count.withLock { count in
              count += 1
              return count
            }
          }
          #expect(together == 1)
        }
      }
      try await group.waitForAll()
    }
  }

  private final class Running: Sendable {
    let count = Mutex(0)
  }
}
