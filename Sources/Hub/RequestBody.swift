import Kernel
import NIOCore
import SystemPackage

/// The bytes of a request, handed over in pieces of a fixed size as fast as the peer takes them.
///
/// Its length is known from the start, so that it goes out with `Content-Length`: S3 answers 501 to chunked bodies.
struct RequestBody: AsyncSequence, Sendable {
  enum Source: Sendable {
    case bytes(ByteBuffer)
    /// So many bytes of the file from `offset` on.
    case file(UploadSource, offset: Int64)
  }

  /// All that is in memory of a file at a time, but for what the kernel buffers.
  static let pieceSize = 256 * 1024

  let source: Source
  let length: Int64
  /// Told how many bytes were asked for so far, on each piece and at the end; must not block.
  var onTaken: @Sendable (Int64) -> Void = { _ in }

  init(_ bytes: ByteBuffer) {
    source = .bytes(bytes)
    length = Int64(bytes.readableBytes)
  }

  init(_ file: UploadSource, from offset: Int64, length: Int64) {
    source = .file(file, offset: offset)
    self.length = length
  }

  func makeAsyncIterator() -> Iterator { Iterator(body: self) }

  struct Iterator: AsyncIteratorProtocol {
    let body: RequestBody
    private var taken: Int64 = 0

    init(body: RequestBody) { self.body = body }

    mutating func next() async throws -> ByteBuffer? {
      body.onTaken(taken)
      let count = Int(Swift.min(Int64(RequestBody.pieceSize), body.length - taken))
      guard count > 0 else { return nil }
      defer { taken += Int64(count) }
      switch body.source {
      case .bytes(let bytes):
        return bytes.getSlice(at: bytes.readerIndex + Int(taken), length: count)
      case .file(let file, let offset):
        return ByteBuffer(bytes: try await file.read(from: offset + taken, count: count))
      }
    }
  }
}

/// An open file that is being published, read on a thread of its own.
final class UploadSource: Sendable {
  private let descriptor: OwnedDescriptor
  private let file: UploadFile
  private let worker: Worker

  private init(_ descriptor: consuming OwnedDescriptor, _ file: UploadFile, _ worker: Worker) {
    self.descriptor = descriptor
    self.file = file
    self.worker = worker
  }

  /// - Throws: ``HubError`` of kind `refused` if it cannot be opened or has not the size that it had.
  static func open(_ file: UploadFile, on worker: Worker) async throws(HubError) -> UploadSource {
    do {
      return try await worker.run {
        let raw = try FileDescriptor.open(
          file.source, .readOnly, options: [.closeOnExec, .noFollow, .nonBlocking]
        ).rawValue
        let descriptor = OwnedDescriptor(owning: raw)
        let identity = try FileIdentity(of: descriptor, path: file.source)
        guard identity.isRegularFile, file.content != nil || identity.size == file.size else {
          throw Self.changed(file)
        }
        return UploadSource(descriptor, file, worker)
      }
    } catch let error as HubError {
      throw error
    } catch {
      throw HubError(.refused, message: "\(file.source.shown) cannot be read: \(error)")
    }
  }

  /// Reads exactly `count` bytes.
  ///
  /// - Throws: ``HubError`` of kind `refused` if they are not there any more.
  func read(from offset: Int64, count: Int) async throws -> [UInt8] {
    if let content = file.content { return Array(content.dropFirst(Int(offset)).prefix(count)) }
    return try await worker.run { [self] in
      let bytes = try descriptor.read(from: offset, count: count, path: file.source)
      guard bytes.count == count else { throw Self.changed(file) }
      return bytes
    }
  }

  private static func changed(_ file: UploadFile) -> HubError {
    HubError(.refused, message: "\(file.source.shown) is not what it was when it was hashed (\(file.size) bytes)")
  }
}
