import Adapters
import CLinux
import Foundation
import Glibc
import Kernel
import SystemPackage
import TestSupport
import Testing

@Suite struct SafetensorsHeaderTests {
  private static let verdicts: [String: JSON] = {
    let json = (try? contents(Fixtures.corrupt.appending("expected.json"))).flatMap { try? JSON(parsing: $0) }
    return Dictionary(uniqueKeysWithValues: json?.object?.members.map { ($0.key, $0.value) } ?? [])
  }()

  private func reading(_ bytes: [UInt8]) async throws -> SafetensorsHeader.Reading {
    try await withTemporaryDirectory { directory in
      let path = directory.appending("adapters.safetensors")
      try write(bytes, to: path)
      return try SafetensorsHeader.read(path, in: try ConfinedTree(at: directory))
    }
  }

  private func isWhole(_ reading: SafetensorsHeader.Reading) -> Bool {
    if case .whole = reading { true } else { false }
  }
  private func isTorn(_ reading: SafetensorsHeader.Reading) -> Bool {
    if case .torn = reading { true } else { false }
  }
  private func isBroken(_ reading: SafetensorsHeader.Reading) -> Bool {
    if case .broken = reading { true } else { false }
  }

  @Test func everyDamagedFileHasAVerdict() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: Fixtures.corrupt.string)
    #expect(Set(files.filter { $0.hasSuffix(".safetensors") }) == Set(Self.verdicts.keys))
    #expect(Self.verdicts.count == 47)
  }

  @Test(arguments: verdicts.keys.sorted()) func whatTheRealReaderRejectsIsNotWholeAndNothingElse(name: String) throws {
    let verdict = try #require(Self.verdicts[name]?["safetensors_0.8.0"]?["verdict"]?.string)
    let tree = try ConfinedTree(at: Fixtures.corrupt)
    let reading = try SafetensorsHeader.read(Fixtures.corrupt.appending(name), in: tree)
    #expect(isWhole(reading) == (verdict == "accept"), "\(reading)")
    // Each was made by one kind of damage; the names say which of them time may heal.
    if verdict == "reject" {
      let unfinished = ["torn_", "zero_byte", "prealloc_", "header_len_beyond_file", "offset_past_end"]
      #expect(isTorn(reading) == unfinished.contains { name.hasPrefix($0) }, "\(reading)")
    }
  }

  @Test(arguments: [
    ("mlx-lora", "adapters/adapters.safetensors", 28, 71680),
    ("peft-lora", "run1/final/adapter_model.safetensors", 16, 28672),
    ("peft-lora-old", "run1/final/adapter_model.safetensors", 16, 28672),
  ]) func whatTrainersWriteIsWhole(output: String, name: String, tensors: Int, size: UInt64) throws {
    let root = Fixtures.outputs(output)
    let reading = try SafetensorsHeader.read(root.pushing(FilePath(name)), in: try ConfinedTree(at: root))
    guard case .whole(let header) = reading else {
      Issue.record("\(reading)")
      return
    }
    #expect(header.tensors.count == tensors)
    #expect(header.dataSize == size)
    #expect(header.metadata == (output == "mlx-lora" ? [:] : ["format": "pt"]))
    #expect(header.tensors.first?.bytes.lowerBound == 0)
    #expect(header.tensors.allSatisfy { $0.dtype == "F32" && $0.shape.contains(8) })
  }

  @Test(arguments: ["mlx-lora/adapters/adapters.safetensors", "peft-lora/run1/final/adapter_model.safetensors"])
  func everyBeginningOfAWholeFileIsTorn(name: String) async throws {
    let whole = try contents(Fixtures.root.appending("outputs").pushing(FilePath(name)))
    let header = [0..<20, 2010..<2040, 2800..<2815].flatMap { Array($0) } + stride(from: 20, to: 2000, by: 61)
    let lengths = header + stride(from: 3000, to: whole.count, by: 7919) + [whole.count - 1]
    try await withTemporaryDirectory { directory in
      let path = directory.appending("growing.safetensors")
      let tree = try ConfinedTree(at: directory)
      for length in lengths {
        try write(Array(whole.prefix(length)), to: path)
        let reading = try SafetensorsHeader.read(path, in: tree)
        guard isTorn(reading) else {
          Issue.record("the first \(length) bytes: \(reading)")
          return
        }
      }
      try write(whole, to: path)
      #expect(isWhole(try SafetensorsHeader.read(path, in: tree)))
    }
  }

  @Test func aPreallocatedFileIsTornUntilItsHeaderIsThere() async throws {
    let whole = try contents(Fixtures.outputs("mlx-lora").pushing("adapters/adapters.safetensors"))
    for written in [0, 1, 8, 9, 100, 2806] {
      let file = whole.prefix(written) + [UInt8](repeating: 0, count: whole.count - written)
      let reading = try await reading(Array(file))
      #expect(isTorn(reading), "\(written) bytes written: \(reading)")
    }
  }

  @Test(arguments: [
    ("BOOL", 8), ("F4", 4), ("F6_E2M3", 6), ("F6_E3M2", 6), ("U8", 8), ("I8", 8), ("F8_E5M2", 8), ("F8_E4M3", 8),
    ("F8_E8M0", 8), ("F8_E4M3FNUZ", 8), ("F8_E5M2FNUZ", 8), ("I16", 16), ("U16", 16), ("F16", 16), ("BF16", 16),
    ("I32", 32), ("U32", 32), ("F32", 32), ("C64", 64), ("F64", 64), ("I64", 64), ("U64", 64),
  ]) func everyTypeHasItsSize(dtype: String, bits: Int) async throws {
    func header(_ count: Int, _ size: Int) -> String {
      "{\"t\":{\"dtype\":\"\(dtype)\",\"shape\":[\(count)],\"data_offsets\":[0,\(size)]}}"
    }
    #expect(isWhole(try await reading(Sample.file(header: header(8, bits), data: bits))))
    #expect(isBroken(try await reading(Sample.file(header: header(8, bits + 1), data: bits + 1))))
    // One element of less than a byte does not fill whole bytes.
    let one = try await reading(Sample.file(header: header(1, (bits + 7) / 8), data: (bits + 7) / 8))
    #expect(isWhole(one) == (bits % 8 == 0))
  }

  private static let t = #""t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#

  @Test(arguments: [
    "{\(t)}   ",
    "\n {\(t)}",
    #"{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":{}}}"#,
    #"{"t":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"__metadata__":null}"#,
    #"{\#(t),"u":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}}"#,
    // Two names that look the same.
    #"{"\u00e9":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"e\u0301":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#,
    #"{"u":{"dtype":"F32","shape":[0,9223372036854775808],"data_offsets":[0,0]},\#(t)}"#,
  ]) func validHeadersPass(header: String) async throws {
    let reading = try await reading(Sample.file(header: header, data: 4))
    #expect(isWhole(reading), "\(reading)")
  }

  @Test(arguments: [
    (#"{"t":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}"#, "whole numbers"),
    (#"{"t":{"dtype":"F32","shape":[1],"data_offsets":[-0,4]}}"#, "whole numbers"),
    (#"{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}"#, "a beginning and an end"),
    (#"{"t":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#, "a beginning and an end"),
    (#"{"t":{"dtype":"f32","shape":[1],"data_offsets":[0,4]}}"#, "unknown dtype"),
    (#"{"t":{"shape":[1],"data_offsets":[0,4]}}"#, "no dtype"),
    (#"{"t":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, "more than one dtype"),
    (#"{"t":[]}"#, "not a JSON object"),
    (#"{\#(t),"t":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#, "twice"),
    (#"{"__metadata__":{},"__metadata__":{}}"#, "twice"),
    (#"{"__metadata__":[]}"#, "metadata is not"),
    (#"{"\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, "surrogate"),
    (#"{"t":{"dtype":"F32","shape":[18446744073709551615,2],"data_offsets":[0,4]}}"#, "overflows"),
    (#"{"t":{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4]}}"#, "whole numbers"),
  ]) func invalidHeadersAreBrokenForTheRightReason(header: String, reason: String) async throws {
    guard case .broken(let said) = try await reading(Sample.file(header: header, data: 4)) else {
      Issue.record("not broken: \(header)")
      return
    }
    #expect(said.contains(reason), "\(said)")
  }

  @Test(arguments: [
    ("version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"), ("<!DOCTYPE html>", "web page"),
    ("PK\u{3}\u{4}archive/data.pkl", "pickle"),
  ]) func whatIsThereInsteadIsNamed(text: String, reason: String) async throws {
    guard case .broken(let said) = try await reading(Array(text.utf8)) else {
      Issue.record("not broken: \(text)")
      return
    }
    #expect(said.contains(reason))
  }

  @Test(.timeLimit(.minutes(10))) func aHeaderOfNearlyAHundredMegabytesOfNothingIsSeenThroughAtOnce() async throws {
    try await withTemporaryDirectory { directory in
      let path = directory.appending("adapters.safetensors")
      let length = UInt64(99_000_000)
      try write((0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) }, to: path)
      #expect(path.withPlatformString { truncate($0, 99_000_100) } == 0)
      #expect(isTorn(try SafetensorsHeader.read(path, in: try ConfinedTree(at: directory))))
    }
  }

  @Test(.timeLimit(.minutes(10))) func aFIFOIsRefusedWithoutWaitingForAWriter() async throws {
    try await withTemporaryDirectory { directory in
      let path = directory.appending("adapters.safetensors")
      #expect(path.withPlatformString { mkfifo($0, 0o644) } == 0)
      let tree = try ConfinedTree(at: directory)
      let error = #expect(throws: SystemError.self) { try SafetensorsHeader.read(path, in: tree) }
      #expect(error?.errno == .invalidArgument)
    }
  }
}
