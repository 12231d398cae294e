import Adapters
import Bundles
import Kernel
import SystemPackage

/// A bundle as it lies on the disk, handed over from the half that reads outputs to the half that publishes.
package struct StagedBundle: Sendable {
  package let directory: FilePath
  package let manifest: Manifest

  package init(_ bundle: AdapterBundle) {
    directory = bundle.directory
    manifest = bundle.manifest
  }

  /// Takes up the bundle that an earlier process staged at `directory`; `nil` if it is not there or not whole.
  package init?(at directory: FilePath) {
    guard let tree = try? ConfinedTree(at: directory),
      let text = try? tree.readFile(directory.appending("manifest.json"), limit: 1 << 20).bytes,
      let json = try? JSON(parsing: text), let manifest = Manifest(json: json)
    else { return nil }
    for file in manifest.files {
      guard let identity = try? FileIdentity(of: directory.appending("files").appending(file.path)),
        identity.size == file.size
      else { return nil }
    }
    self.directory = directory
    self.manifest = manifest
  }

  /// Where the file `name` lies.
  package func path(of name: String) -> FilePath { directory.appending("files").appending(name) }
}
