import Foundation
import Glibc
import Kernel
import SystemPackage
import Testing

@testable import Reports

@Suite final class StatusFileTests {
  let directory: FilePath

  init() throws {
    directory = FilePath(FileManager.default.temporaryDirectory.path).appending("status-\(UUID().uuidString)")
  }

  deinit {
    try? removeTree(directory)
  }

  private static func read(_ file: StatusFile) throws -> String {
    try String(contentsOfFile: file.path.string, encoding: .utf8)
  }

  @Test func isWhatWasWrittenLastAndNothingElseIsLeft() throws {
    let file = StatusFile(directory: directory)
    try file.write(Array(#"{"state":"starting"}"#.utf8))
    try file.write(Array(#"{"state":"up"}"#.utf8))
    #expect(try Self.read(file) == #"{"state":"up"}"#)
    #expect(try names(in: directory).map(\.string) == ["status.json"])
  }

  @Test(.timeLimit(.minutes(10))) func othersMayReadItWhateverTheUmask() async throws {
    let directory = self.directory.string
    // The umask is the whole process's, so another process sets it.
    await #expect(processExitsWith: .success) { [directory = directory as String] in
      umask(0o077)
      try StatusFile(directory: FilePath(directory)).write([])
    }
    #expect(try FileIdentity(of: self.directory.appending("status.json")).mode & 0o7777 == 0o644)
  }

  @Test func aReaderNeverSeesAPart() async throws {
    let file = StatusFile(directory: directory)
    let states = (0..<2).map { String(repeating: "\($0)", count: 100_000) }
    try file.write(Array(states[0].utf8))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for state in states {
        group.addTask { for _ in 0..<200 { try file.write(Array(state.utf8)) } }
      }
      group.addTask {
        for _ in 0..<400 {
          let seen = try Self.read(file)
          #expect(states.contains(seen))
        }
      }
      try await group.waitForAll()
    }
    #expect(try names(in: directory).map(\.string) == ["status.json"])
  }

  @Test func aFailureSaysWhereAndLeavesNothingBehind() throws {
    // Something that cannot be replaced by a file.
    try makeDirectories(directory.appending("status.json"))
    let file = StatusFile(directory: directory)
    #expect(throws: SystemError.self) { try file.write([1]) }
    #expect(try names(in: directory).map(\.string) == ["status.json"])
  }

  @Test func removingItTwiceIsFine() throws {
    let file = StatusFile(directory: directory)
    try file.write([])
    try file.remove()
    try file.remove()
    #expect(try names(in: directory) == [])
  }
}
