import Adapters

/// What a bundle holds: enough to publish it, to prove it, and to tell it from any other.
package struct Manifest: Sendable, Equatable {
  /// One file of the bundle.
  package struct File: Sendable, Equatable {
    /// In the repo; all lie in the root.
    package let path: String
    /// Bytes.
    package let size: Int64
    package let digests: FileDigests

    package init(path: String, size: Int64, digests: FileDigests) {
      self.path = path
      self.size = size
      self.digests = digests
    }
  }

  /// Sorted by path.
  package let files: [File]

  package init(files: [File]) {
    self.files = files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
  }

  /// Bytes of all files together.
  package var size: Int64 { files.reduce(0) { $0 + $1.size } }

  /// SHA-256 over names and contents: two bundles with equal digests are the same bytes.
  package var digest: String {
    FileDigests(of: Array(files.map { "\($0.digests.sha256)  \($0.path)\n" }.joined().utf8)).sha256
  }

  /// The manifest as JSON, as it lies beside a staged bundle.
  package var json: JSON {
    .object([
      "files": .array(
        files.map {
          .object([
            "path": .string($0.path), "size": .number(Int($0.size)), "sha256": .string($0.digests.sha256),
            "git_blob": .string($0.digests.gitBlob),
          ])
        })
    ])
  }

  /// Reads what ``json`` wrote; `nil` if it is something else.
  package init?(json: JSON) {
    guard let entries = json["files"]?.array else { return nil }
    var files: [File] = []
    for entry in entries {
      guard let path = entry["path"]?.string, let size = entry["size"]?.int, let sha256 = entry["sha256"]?.string,
        let gitBlob = entry["git_blob"]?.string
      else { return nil }
      files.append(File(path: path, size: Int64(size), digests: FileDigests(sha256: sha256, gitBlob: gitBlob)))
    }
    self.init(files: files)
  }
}
