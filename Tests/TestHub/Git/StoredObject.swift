import Crypto
import Foundation
import Hummingbird
import NIOCore
import NIOPosix

/// An LFS object on the disk: its parts in their order. It is never held in memory as a whole, so that a test can measure
/// what a client needs.
struct StoredObject: Sendable {
  static let pieceSize = 256 * 1024
  let parts: [URL]
  let size: Int64

  func contents() -> [UInt8] {
    parts.flatMap { [UInt8]((try? Data(contentsOf: $0)) ?? Data()) }
  }

  /// Hands over its bytes in pieces.
  func forEachPiece(_ body: (ByteBuffer) async throws -> Void) async throws {
    for part in parts {
      let handle = try FileHandle(forReadingFrom: part)
      defer { try? handle.close() }
      while true {
        let piece = try await NIOThreadPool.singleton.runIfActive {
          [UInt8](try handle.read(upToCount: Self.pieceSize) ?? Data())
        }
        if piece.isEmpty { break }
        try await body(ByteBuffer(bytes: piece))
      }
    }
  }

  /// Reads it all.
  func sha256() async throws -> String {
    var digest = SHA256()
    try await forEachPiece { digest.update(data: $0.readableBytesView) }
    return hexadecimal(digest.finalize())
  }
}

/// The body of a request, written to a new file as it came.
struct ReceivedFile: Sendable {
  let file: URL
  let size: Int64
  let sha256: String

  init(_ body: RequestBody, in directory: URL) async throws {
    file = directory.appending(path: UUID().uuidString)
    try Data().write(to: file)
    let handle = try FileHandle(forWritingTo: file)
    defer { try? handle.close() }
    var size: Int64 = 0
    var digest = SHA256()
    for try await piece in body {
      digest.update(data: piece.readableBytesView)
      size += Int64(piece.readableBytes)
      try await NIOThreadPool.singleton.runIfActive { try handle.write(contentsOf: Data(piece.readableBytesView)) }
    }
    self.size = size
    sha256 = hexadecimal(digest.finalize())
  }
}

/// A multipart upload that is not complete.
struct PartialUpload: Sendable {
  struct Part: Sendable {
    let file: URL
    let etag: String
  }
  let repo: String
  let sha256: String
  let size: Int64
  let chunkSize: Int64
  var parts: [Int: Part] = [:]

  var count: Int { Int((size + chunkSize - 1) / chunkSize) }
  func length(ofPart number: Int) -> Int64 { min(chunkSize, size - Int64(number - 1) * chunkSize) }
}
