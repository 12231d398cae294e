import Foundation
import Kernel
import SystemPackage
import TestHub
import TestSupport
import Testing

/// However large an adapter is, and however many there are, the daemon needs the same memory and few connections.
@Suite(.serialized, .timeLimit(.minutes(60))) struct FlatMemoryTests {
  /// What a larger file or more adapters may take besides: buffers, pages that the allocator keeps.
  private static let slack = 48 << 20

  @Test func `memory stays flat over a large file and over many adapters`() async throws {
    let size = Torture.size(short: 256 << 20, full: 4 << 30)
    let count = Torture.size(short: 50, full: 1000)
    try await TestHub.withServer { hub in
      try await withTemporaryDirectory { directory in
        let site = try Site(directory, endpoint: hub.endpoint, token: TestHub.Options().token)
        try site.configure(repo: "tester/{directory}", settle: "50ms")
        let daemon = try await site.start()
        try Self.write(1 << 20, to: site.outputs.appending("small"))
        try await daemon.line(with: "published tester/small@")
        let small = try daemon.peakMemory
        try Self.write(size, to: site.outputs.appending("large"))
        try await daemon.line(with: "published tester/large@")
        let large = try daemon.peakMemory
        for number in 0..<count { try Self.write(1 << 16, to: site.outputs.appending("many-\(number)")) }
        for number in 0..<count { try await daemon.line(with: "published tester/many-\(number)@") }
        let many = try daemon.peakMemory
        #expect(await daemon.stop() == 0)
        #expect(large - small < Self.slack && many - large < Self.slack, "\(small), \(large), \(many)")
        #expect(hub.mostAtOnce <= 8)
        func mebibytes(_ bytes: Int) -> String { "\(bytes >> 20) MiB" }
        Torture.say(
          "peak memory \(mebibytes(small)) after 1 MiB, \(mebibytes(large)) after \(mebibytes(size)), "
            + "\(mebibytes(many)) after \(count) adapters more; \(hub.mostAtOnce) requests at a time")
      }
    }
  }

  /// Writes an adapter in mlx-lm's layout with so many bytes of data, a piece at a time.
  private static func write(_ size: Int, to directory: FilePath) throws {
    let (rank, half) = (8, size / 2)
    let rows = half / 4 / rank
    let module = "model.layers.0.self_attn.q_proj"
    let header = """
      {"\(module).lora_a":{"dtype":"F32","shape":[\(rows),\(rank)],"data_offsets":[0,\(half)]},\
      "\(module).lora_b":{"dtype":"F32","shape":[\(rank),\(rows)],"data_offsets":[\(half),\(size)]}}
      """
    let config = """
      {"fine_tune_type": "lora", "iters": 10, "lora_parameters": {"dropout": 0.0, "rank": \(rank), "scale": 20.0},
       "model": "org/base", "num_layers": 1, "save_every": 100}
      """
    try TestSupport.write(config, to: directory.appending("adapter_config.json"))
    let file = try FileDescriptor.open(
      directory.appending("adapters.safetensors"), .writeOnly, options: [.create, .closeOnExec],
      permissions: [.ownerReadWrite, .groupRead, .otherRead])
    try file.closeAfter {
      let length = UInt64(header.utf8.count)
      let start = (0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) } + Array(header.utf8)
      _ = try file.writeAll(start)
      let piece = [UInt8](repeating: 7, count: min(size, 1 << 20))
      for _ in 0..<(size / piece.count) { _ = try file.writeAll(piece) }
    }
  }
}
