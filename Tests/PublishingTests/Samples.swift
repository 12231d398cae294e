import Adapters
import Bundles
import Foundation
import Hub
import Kernel
import Logging
import Publishing
import SystemPackage
import TestHub
import TestSupport

/// A staged bundle of one file, and its row.
func sample(
  _ text: String, in directory: FilePath, id: String = Publication.newID(), modified: Int64 = 1,
  repo: String = "org/name"
) throws -> (Publication, StagedBundle) {
  try sample(["config.json": Array(text.utf8)], in: directory, id: id, modified: modified, repo: repo)
}

/// A staged bundle of these files, and its row.
func sample(
  _ files: [String: [UInt8]], in directory: FilePath, id: String = Publication.newID(), modified: Int64 = 1,
  repo: String = "org/name"
) throws -> (Publication, StagedBundle) {
  let staged = directory.appending(id)
  var entries: [Manifest.File] = []
  for (name, bytes) in files.sorted(by: { $0.key < $1.key }) {
    try write(bytes, to: staged.appending("files").appending(name))
    entries.append(.init(path: name, size: Int64(bytes.count), digests: FileDigests(of: bytes)))
  }
  let manifest = Manifest(files: entries)
  try write(manifest.json.serialized(), to: staged.appending("manifest.json"))
  let publication = Publication(
    id: id, target: PublishTarget(endpoint: "file:///store", repo: repo, revision: "main"), outputs: "/outputs",
    run: "/outputs/run", directory: "/outputs/run/adapters", format: "mlx", step: 10, modified: modified, stamp: id,
    digest: manifest.digest, bytes: manifest.size, status: .queued,
    created: Date(microseconds: 1_000_000 + modified))
  guard let bundle = StagedBundle(at: staged) else { throw SystemError("read", staged, .noSuchFileOrDirectory) }
  return (publication, bundle)
}

/// Runs `body` with a client of `hub` that may write, and closes it.
func withClient<T>(
  of hub: TestHub, _ timeouts: Timeouts = Timeouts(backoff: .milliseconds(1)), _ body: (HubClient) async throws -> T
) async throws -> T {
  let client = HubClient(
    endpoint: try Endpoint(parsing: hub.endpoint), token: Token("hf_testwriter"), userAgent: "tests/0",
    timeouts: timeouts, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  do {
    let result = try await body(client)
    try await client.shutdown()
    return result
  } catch {
    try await client.shutdown()
    throw error
  }
}
