import Foundation
import Kernel
import SystemPackage
import TestSupport
import Testing

/// What is not written to its end is not published, however long the writer takes.
@Suite(.timeLimit(.minutes(10))) struct UnfinishedTests {
  private let one = MadeAdapter(version: 1)
  private let two = MadeAdapter(version: 2)

  /// Longer than a directory must be quiet in these tests.
  private static let pause = Duration.milliseconds(250)

  private func withDaemon(_ body: (Site, RunningProgram, FilePath) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
      let site = try Site(directory)
      try site.configure(repo: "org/{directory}", settle: "100ms")
      let run = site.outputs.appending("run")
      try write(MadeAdapter.configuration, to: run.appending("adapter_config.json"))
      let daemon = try await site.start()
      try await body(site, daemon, run.appending(MadeAdapter.weightsName))
      #expect(await daemon.stop() == 0)
    }
  }

  @Test func aSlowWriterThatPausesIsWaitedFor() async throws {
    try await withDaemon { site, daemon, path in
      let bytes = one.weights
      for (number, part) in [0..<5, 5..<300, 300..<30_000, 30_000..<bytes.count].enumerated() {
        let options: FileDescriptor.OpenOptions = number == 0 ? [.create, .closeOnExec] : [.append, .closeOnExec]
        let file = try FileDescriptor.open(path, .writeOnly, options: options, permissions: .ownerReadWrite)
        try file.closeAfter { _ = try file.writeAll(bytes[part]) }
        try await Task.sleep(for: Self.pause)
      }
      try await daemon.line(with: "published org/run@")
      #expect(try StoreReader(root: site.store).weights("org/run") == [bytes])
      // Said once, though each part made it torn anew.
      let told = daemon.lines.filter { $0.contains("[event=adapter-incomplete") && $0.contains("is not whole") }
      #expect(told.count <= 1, "\(told)")
    }
  }

  @Test func aFileThatShrinksAndGrowsIsNeverMixed() async throws {
    try await withDaemon { site, daemon, path in
      try write(one.weights, to: path)
      let file = try FileDescriptor.open(path, .readWrite, options: .closeOnExec)
      try await Task.sleep(for: Self.pause)
      #expect(ftruncate(file.rawValue, 1000) == 0)
      try await Task.sleep(for: Self.pause)
      let bytes = two.weights
      #expect(ftruncate(file.rawValue, off_t(bytes.count)) == 0)
      try await Task.sleep(for: Self.pause)
      for part in [0..<20_000, 20_000..<bytes.count] {
        try file.writeAll(toAbsoluteOffset: Int64(part.lowerBound), bytes[part])
        try await Task.sleep(for: Self.pause)
      }
      try file.close()
      try await newest(two, daemon, site)
      #expect(try Set(store(site)).isSubset(of: [one.weights, two.weights]))
    }
  }

  @Test(arguments: [false, true])
  func whatIsOpenForWritingIsNotTakenThoughItHasItsSize(byMapping: Bool) async throws {
    try await withDaemon { site, daemon, path in
      let bytes = two.weights
      let file = try FileDescriptor.open(
        path, .readWrite, options: [.create, .closeOnExec], permissions: .ownerReadWrite)
      // Its length, its header and half of its data are there: whole, as far as its structure tells.
      #expect(posix_fallocate(file.rawValue, 0, off_t(bytes.count)) == 0)
      try file.writeAll(toAbsoluteOffset: 0, bytes.prefix(bytes.count / 2))
      var address: UnsafeMutableRawPointer?
      if byMapping {
        address = mmap(nil, bytes.count, PROT_READ | PROT_WRITE, MAP_SHARED, file.rawValue, 0)
        #expect(address != MAP_FAILED)
        try file.close()
      }
      try await daemon.line(with: "is still open for writing")
      try await site.sentinel("after", daemon)
      #expect(StoreReader(root: site.store).repos() == ["org/after"])

      if byMapping {
        bytes.withUnsafeBytes {
          if let start = $0.baseAddress { address?.copyMemory(from: start, byteCount: $0.count) }
        }
        #expect(munmap(address, bytes.count) == 0)
      } else {
        try file.writeAll(toAbsoluteOffset: 0, bytes)
        try file.close()
      }
      try await daemon.line(with: "published org/run@")
      #expect(try store(site) == [bytes])
      #expect(daemon.lines.filter { $0.contains("is still open for writing") }.count == 1)
    }
  }

  @Test func rewrittenInPlaceWhileItIsCopiedItIsNeverMixed() async throws {
    try await withDaemon { site, daemon, path in
      let size = 32 << 20
      try write(MadeAdapter(version: 1, size: size).weights, to: path)
      for version in UInt8(2)...6 {
        try await daemon.line(with: "[event=upload-started")
        let bytes = MadeAdapter(version: version, size: size).weights
        let file = try FileDescriptor.open(path, .writeOnly, options: .closeOnExec)
        try file.closeAfter { _ = try file.writeAll(bytes) }
      }
      try await newest(MadeAdapter(version: 6, size: size), daemon, site)
      for weights in try store(site) {
        let version = try #require(weights.last)
        #expect(weights == MadeAdapter(version: version, size: size).weights, "version \(version)")
      }
    }
  }

  @Test func aDirectoryThatIsNeverQuietIsTakenWhenItsFilesAre() async throws {
    try await withDaemon { site, daemon, path in
      let log = path.removingLastComponent().appending("progress.txt")
      let logging = Task {
        // Opened and closed each time: an event each time.
        while !Task.isCancelled {
          try write("still going", to: log)
          try await Task.sleep(for: .milliseconds(20))
        }
      }
      try write(one.weights, to: path)
      try await daemon.line(with: "published org/run@")
      logging.cancel()
      _ = await logging.result
      #expect(try store(site) == [one.weights])
    }
  }

  @Test func configurationAfterTheWeights() async throws {
    try await withDaemon { site, daemon, path in
      let late = site.outputs.appending("late")
      try write(one.weights, to: late.appending(MadeAdapter.weightsName))
      try await daemon.line(with: "adapter_config.json is not there")
      try await site.sentinel("after", daemon)
      #expect(StoreReader(root: site.store).repos() == ["org/after"])
      try write(MadeAdapter.configurationAfterWeights, to: late.appending("adapter_config.json"))
      try await daemon.line(with: "published org/late@")
      // And what the trainer or its user describes later goes along.
      let count = daemon.count
      try write("---\nlicense: mit\n---\nMy own words.\n", to: late.appending("README.md"))
      try await daemon.line(from: count, with: "published org/late@")
      let store = StoreReader(root: site.store)
      let readme = try #require(try store.files("org/late", at: store.head("org/late"))["README.md"])
      #expect(String(decoding: readme, as: UTF8.self).contains("My own words."))
      #expect(daemon.lines.filter { $0.contains("/late") && $0.contains("[event=adapter-incomplete") }.count == 1)
    }
  }

  private func store(_ site: Site) throws -> [[UInt8]] { try StoreReader(root: site.store).weights("org/run") }

  /// Waits until `adapter` is what is published last.
  private func newest(_ adapter: MadeAdapter, _ daemon: RunningProgram, _ site: Site) async throws {
    let store = StoreReader(root: site.store)
    var next = 0
    repeat {
      next = try await daemon.line(from: next, with: "published org/run@") + 1
    } while try store.files("org/run", at: store.head("org/run"))[MadeAdapter.weightsName] != adapter.weights
  }
}
