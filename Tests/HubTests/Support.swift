import Crypto
import Foundation
import Hub
import Logging
import SystemPackage
import Testing

/// Timeouts for tests in which nothing is meant to take long: repetitions come at once.
let quick = Timeouts(connect: .seconds(10), idle: .seconds(30), backoff: .milliseconds(5))

/// Runs `body` with a client of `endpoint` and closes it.
func withClient<R>(
  _ endpoint: String, token: String? = "hf_testwriter", timeouts: Timeouts = quick,
  logger: Logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
  _ body: (HubClient) async throws -> R
) async throws -> R {
  let client = HubClient(
    endpoint: try Endpoint(parsing: endpoint), token: token.map(Token.init), userAgent: "adapterd-tests/0",
    timeouts: timeouts, logger: logger)
  do {
    let result = try await body(client)
    try await client.shutdown()
    return result
  } catch {
    try await client.shutdown()
    throw error
  }
}

/// Runs `body` with a directory that is removed afterwards.
func withDirectory<R>(_ body: (FilePath) async throws -> R) async throws -> R {
  let path = FileManager.default.temporaryDirectory.appending(path: "hub-\(UUID().uuidString)").path
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: path) }
  return try await body(FilePath(path))
}

extension FilePath {
  /// Writes a file below this directory and says of it what a client wants to know.
  func file(_ name: String, _ content: Data) throws -> UploadFile {
    let source = appending(UUID().uuidString)
    try content.write(to: URL(filePath: source.string))
    return UploadFile(
      path: name, source: source, size: Int64(content.count), sha256: hex(SHA256.hash(data: content)),
      gitBlobSHA1: hex(Insecure.SHA1.hash(data: Data("blob \(content.count)\0".utf8) + content)))
  }

  func file(_ name: String, _ content: String) throws -> UploadFile { try file(name, Data(content.utf8)) }
}

func hex(_ digest: some Sequence<UInt8>) -> String {
  digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

/// Bytes that neither compress nor repeat, the same for the same seed.
func noise(_ count: Int, seed: UInt64 = 1) -> Data {
  var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
  var bytes = [UInt8]()
  bytes.reserveCapacity(count)
  for _ in 0..<count {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    bytes.append(UInt8(truncatingIfNeeded: state >> 32))
  }
  return Data(bytes)
}

extension Upload {
  /// An upload in which only what a test is about has to be said.
  static func of(
    _ files: [UploadFile], to repo: String = "tester/adapter", revision: String = "main",
    written: Int64 = 1, createIfMissing: Bool = true, isPrivate: Bool = true,
    mergeCard: @escaping @Sendable (String) -> UploadFile? = { _ in nil }
  ) throws -> Upload {
    Upload(
      repo: try RepoID(parsing: repo), revision: revision, files: files, summary: "Publish an adapter",
      description: "for a test", written: written,
      createIfMissing: createIfMissing, isPrivate: isPrivate, mergeCard: mergeCard)
  }
}

/// Runs `body`, which has to throw a ``HubError``.
func hubError(
  _ comment: Comment? = nil, at location: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async throws -> HubError {
  try #require(
    await #expect(throws: HubError.self, comment, sourceLocation: location) { try await body() },
    sourceLocation: location)
}
