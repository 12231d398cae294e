import Adapters
import Bundles
import Foundation
import Kernel
import Publishing
import SystemPackage
import TestSupport

/// A staged bundle of one file, and its row.
func sample(
  _ text: String, in directory: FilePath, id: String = Publication.newID(), modified: Int64 = 1,
  repo: String = "org/name"
) throws -> (Publication, StagedBundle) {
  let staged = directory.appending(id)
  let source = staged.appending("files/config.json")
  try write(text, to: source)
  let bytes = Array(text.utf8)
  let copyPath = directory.appending("copy-\(id)")
  let tree = try ConfinedTree(at: staged)
  let digests = try copy(try tree.openFile(source), size: Int64(bytes.count), to: copyPath)
  try removeTree(copyPath)
  let manifest = Manifest(files: [.init(path: "config.json", size: Int64(bytes.count), digests: digests)])
  try write(manifest.json.serialized(), to: staged.appending("manifest.json"))
  let publication = Publication(
    id: id, target: PublishTarget(endpoint: "file:///store", repo: repo, revision: "main"), outputs: "/outputs",
    run: "/outputs/run", directory: "/outputs/run/adapters", format: "mlx", step: 10, modified: modified, stamp: id,
    digest: manifest.digest, bytes: Int64(bytes.count), status: .queued,
    created: Date(microseconds: 1_000_000 + modified))
  guard let bundle = StagedBundle(at: staged) else { throw SystemError("read", staged, .noSuchFileOrDirectory) }
  return (publication, bundle)
}
