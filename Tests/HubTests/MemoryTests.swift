import Crypto
import Foundation
import Hub
import SystemPackage
import TestHub
import Testing

@Suite struct MemoryTests {
  /// In a process of its own, in which no other test takes memory. The test Hub is in it too.
  @Test(.timeLimit(.minutes(10))) func doesNotGrowWithTheFile() async {
    await #expect(processExitsWith: .success) {
      let size = 256 * 1024 * 1024
      try await withDirectory { directory in
        let source = directory.appending("weights")
        try Data().write(to: URL(filePath: source.string))
        #expect(truncate(source.string, size) == 0)
        var sha256 = SHA256()
        let zeros = Data(count: 1024 * 1024)
        for _ in 0..<(size / zeros.count) { sha256.update(data: zeros) }
        let file = UploadFile(
          path: "w.safetensors", source: source, size: Int64(size), sha256: hex(sha256.finalize()),
          gitBlobSHA1: String(repeating: "0", count: 40))
        var options = TestHub.Options()
        options.multipartThreshold = .max  // parts would bound it by themselves
        try await TestHub.withServer(options) { hub in
          try await withClient(hub.endpoint) { client in
            _ = try await client.publish(.of([try directory.file("warm-up.bin", noise(1_000_000))]))
            let before = try Self.peak()
            _ = try await client.publish(.of([file]))
            let growth = try Self.peak() - before
            #expect(growth < 64 * 1024, "\(growth) KiB")
          }
        }
      }
    }
  }

  /// KiB: the most that this process ever had in memory, see proc_pid_status(5).
  private static func peak() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
    return try #require(Int(line.split(whereSeparator: { $0 == " " || $0 == "\t" })[1]))
  }
}
