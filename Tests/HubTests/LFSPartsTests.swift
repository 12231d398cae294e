import Foundation
import Testing

@testable import Hub

@Suite struct LFSPartsTests {
  private func action(_ header: [String: String]) throws -> LFSBatch.Item.Action {
    let json = try JSONSerialization.data(withJSONObject: ["href": "https://hub/complete", "header": header])
    return try JSONDecoder().decode(LFSBatch.Item.Action.self, from: json)
  }

  @Test func areOrderedByNumberAndCutToSize() throws {
    let header = ["chunk_size": "10", "00010": "u10", "00002": "u2"].merging(
      (3...9).map { ("0000\($0)", "u\($0)") } + [("00001", "u1")]
    ) { $1 }
    let parts = try #require(try LFSBatch.Parts(action(header), size: 95)).parts
    #expect(parts.map(\.number) == Array(1...10))
    #expect(parts.map(\.url) == (1...10).map { "u\($0)" })
    #expect(parts.map(\.offset) == (0..<10).map { Int64($0 * 10) })
    #expect(parts.map(\.length) == Array(repeating: Int64(10), count: 9) + [5])
  }

  @Test func areNoneOfABasicUpload() throws {
    #expect(try LFSBatch.Parts(action(["Authorization": "x"]), size: 95) == nil)
  }

  @Test(arguments: [
    ["chunk_size": "10", "1": "a"], ["chunk_size": "10", "1": "a", "2": "b", "3": "c"],
    ["chunk_size": "10", "1": "a", "3": "b"], ["chunk_size": "0", "1": "a", "2": "b"], ["chunk_size": "ten", "1": "a"],
    ["chunk_size": "-10", "1": "a", "2": "b"], ["chunk_size": "10", "0": "a", "1": "b"],
  ])
  func thatDoNotMakeUpTheFileAreRefused(_ header: [String: String]) throws {
    let error = try #require(throws: HubError.self) { try LFSBatch.Parts(action(header), size: 20) }
    #expect(error.kind == .invalidReply)
  }
}
