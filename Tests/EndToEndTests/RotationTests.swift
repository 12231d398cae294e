import Foundation
import Kernel
import SystemPackage
import TestSupport
import Testing

/// `save_total_limit` deletes the oldest checkpoint whenever a new one is saved.
@Suite(.timeLimit(.minutes(10))) struct RotationTests {
  @Test func aCheckpointThatIsDeletedWhileItIsBundledIsNoError() async throws {
    try await withTemporaryDirectory { directory in
      let site = try Site(directory)
      try site.configure(settle: "50ms")
      try makeDirectories(site.outputs)
      let daemon = try await site.start()
      let bundles = directory.appending("state/bundles")
      // Large, so that there is a while in which its bundle is being made.
      let size = 48 << 20
      for step in 1...3 {
        let before = ready(daemon)
        let checkpoint = site.outputs.appending("run/checkpoint-\(step)")
        try MadeAdapter(version: UInt8(step), size: size).write(to: checkpoint)
        try write("{\"global_step\": \(step), \"max_steps\": 99}", to: checkpoint.appending("trainer_state.json"))
        // Or it is made between two looks.
        while try !names(in: bundles).contains(where: { $0.string.hasSuffix(".partial") }), ready(daemon) == before {
          try await Task.sleep(for: .milliseconds(2))
        }
        try removeTree(checkpoint)
      }
      let last = MadeAdapter(version: 9)
      try last.write(to: site.outputs.appending("run/checkpoint-9"))
      try write(
        #"{"global_step": 9, "max_steps": 99}"#, to: site.outputs.appending("run/checkpoint-9/trainer_state.json"))
      let store = StoreReader(root: site.store)
      var next = 0
      repeat {
        next = try await daemon.line(from: next, with: "[event=published") + 1
      } while try store.files("org/adapter", at: store.head("org/adapter"))[MadeAdapter.weightsName] != last.weights
      #expect(await daemon.stop() == 0)
      #expect(!daemon.lines.contains { $0.contains(" warning ") || $0.contains(" error ") }, "\(daemon.lines)")
      for weights in try store.weights("org/adapter") {
        let version = try #require(weights.last)
        #expect(weights == MadeAdapter(version: version, size: version == 9 ? 1 << 16 : size).weights)
      }
    }
  }

  private func ready(_ daemon: RunningProgram) -> Int {
    daemon.lines.filter { $0.contains("[event=bundle-ready") }.count
  }
}
