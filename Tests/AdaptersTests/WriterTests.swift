import Adapters
import Foundation
import Kernel
import SystemPackage
import TestSupport
import Testing

/// Weights that are whole by their structure, and may be about to change all the same.
@Suite struct WriterTests {
  private func reading(_ run: FilePath) throws -> RunReading {
    let reader = AdapterReader(outputs: run)
    return try reader.read(run: reader.run(of: run))
  }

  @Test func whatIsOpenForWritingIsNoState() async throws {
    try await withTemporaryDirectory { directory in
      let run = directory.appending("run")
      try copyTree(Fixtures.outputs("mlx-lora").appending("adapters"), to: run)
      for numbered in try names(in: run) where numbered.string.first == "0" { try removeTree(run.appending(numbered)) }
      let writer = try FileDescriptor.open(run.appending("adapters.safetensors"), .readWrite, options: .closeOnExec)
      let held = try reading(run)
      #expect(held.states.isEmpty)
      let incomplete = try #require(held.incomplete.first { $0.kind == .heldOpen })
      #expect(!incomplete.isOptional)
      #expect(incomplete.reason == "adapters.safetensors is still open for writing")
      try writer.close()
      try waitForWriters(of: run.appending("adapters.safetensors"))
      let free = try reading(run)
      #expect(free.states.count == 1 && !free.incomplete.contains { $0.kind == .heldOpen })
    }
  }

  /// Where nobody tells who has it open: a hole may be where somebody is about to write, or zeros that were left out.
  @Test(.enabled(if: geteuid() == 0, "only root can become somebody else"))
  func whatWasNeverWrittenIsWaitedForWhereWritersAreUnknown() async throws {
    await #expect(processExitsWith: .success) {
      try await withTemporaryDirectory { directory in
        let run = directory.appending("run")
        try copyTree(Fixtures.outputs("mlx-lora").appending("adapters"), to: run)
        for numbered in try names(in: run) where numbered.string.first == "0" {
          try removeTree(run.appending(numbered))
        }
        let weights = run.appending("adapters.safetensors")
        let bytes = try contents(weights)
        let file = try FileDescriptor.open(weights, .readWrite, options: .closeOnExec)
        let header = 8 + bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        #expect(ftruncate(file.rawValue, off_t(header)) == 0)
        #expect(ftruncate(file.rawValue, bytes.count) == 0)
        try file.close()
        for path in [directory, run] + (try names(in: run).map { run.appending($0) }) {
          #expect(chmod(path.string, 0o755) == 0)
        }
        // The owner is told, or whoever may ask.
        let reader = AdapterReader(outputs: run)
        let own = try reader.read(run: reader.run(of: run))
        #expect(own.states.count == 1 && !own.incomplete.contains { $0.kind == .sparse })
        #expect(seteuid(65534) == 0)
        let sparse = try reader.read(run: reader.run(of: run))
        #expect(seteuid(0) == 0)
        // It is a state for a caller who has waited long enough.
        #expect(sparse.states.count == 1)
        #expect(try #require(sparse.incomplete.first { $0.kind == .sparse }).isOptional)
      }
    }
  }
}
