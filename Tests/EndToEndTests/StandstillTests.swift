import Foundation
import Kernel
import SystemPackage
import TestSupport
import Testing

/// Times that the daemon did not see pass, and times that never passed.
@Suite(.timeLimit(.minutes(10))) struct StandstillTests {
  @Test func stoppedInTheMiddleOfAWriteItTakesNothingEarlyAndLosesNothing() async throws {
    try await withTemporaryDirectory { directory in
      let site = try Site(directory)
      try site.configure(repo: "org/{directory}", settle: "300ms")
      let run = site.outputs.appending("run")
      try write(MadeAdapter.configuration, to: run.appending("adapter_config.json"))
      let daemon = try await site.start()
      let path = run.appending(MadeAdapter.weightsName)
      for round in 0..<3 {
        let adapter = MadeAdapter(version: UInt8(round + 1))
        // It begins to settle; then time passes for everybody else.
        try write(Array(adapter.weights.dropLast(100)), to: path)
        daemon.send(SIGSTOP)
        try write(Array(adapter.weights.dropLast(50)), to: path)
        try await Task.sleep(for: .milliseconds(600))
        try write(Array(adapter.weights.dropLast(20)), to: path)
        daemon.send(SIGCONT)
        try await site.sentinel("after-\(round)", daemon)
        daemon.send(SIGSTOP)
        try write(adapter.weights, to: path)
        try await Task.sleep(for: .milliseconds(600))
        let count = daemon.count
        daemon.send(SIGCONT)
        try await daemon.line(from: count, with: "published org/run@")
      }
      #expect(await daemon.stop() == 0)
      let weights = try StoreReader(root: site.store).weights("org/run")
      #expect(weights.count == 3)
      #expect(Set(weights) == Set((1...3).map { MadeAdapter(version: UInt8($0)).weights }))
    }
  }

  @Test(arguments: ["+86400", "-86400"])
  func theWallClockJumps(by seconds: String) async throws {
    try await withTemporaryDirectory { directory in
      var site = try Site(directory)
      let offset = directory.appending("offset")
      try write("0", to: offset)
      site.environment["LD_PRELOAD"] = try Program.directory.appending("libWallClock.so").string
      site.environment["WALL_CLOCK_OFFSET"] = offset.string
      try site.configure(repo: "org/{directory}", "when = \"final\"", settle: "300ms")
      // The middle of a training: its end is known by a long quiet time only.
      let going = site.outputs.appending("going")
      let fixture = Fixtures.outputs("mlx-lora").appending("adapters")
      func save(_ number: String) throws {
        for name in ["adapters.safetensors", "\(number)_adapters.safetensors"] {
          try write(contents(fixture.appending("\(number)_adapters.safetensors")), to: going.appending(name))
        }
      }
      try write(contents(fixture.appending("adapter_config.json")), to: going.appending("adapter_config.json"))
      let daemon = try await site.start()
      try save("0000010")
      try await site.sentinel("before", daemon)
      try write(seconds, to: offset)
      try await site.sentinel("after", daemon)
      try save("0000020")
      try await site.sentinel("later", daemon)
      #expect(!StoreReader(root: site.store).repos().contains("org/going"))
      try save("0000030")
      try await daemon.line(with: "published org/going@")
      #expect(await daemon.stop() == 0)
      #expect(try StoreReader(root: site.store).commits("org/going").count == 1)
      // It did jump.
      let days = Set(daemon.lines.map { $0.prefix(10) })
      #expect(days.count > 1, "\(days)")
    }
  }
}
