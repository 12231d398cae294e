import DownloadTracking
import SystemPackage

/// A staged bundle: immutable, whole, ready to be published.
package struct AdapterBundle: Sendable {
  /// Holds `files/` and `manifest.json`.
  package let directory: FilePath
  package let manifest: Manifest
  /// The adapter's iterations, if they are known for certain.
  package let step: Int?
  /// Whether its downloads will be counted.
  package let verdict: Verdict
  /// What the user should know about it, a sentence each.
  package let notes: [String]

  /// Where the file `name` of the bundle lies.
  package func path(of name: String) -> FilePath { directory.appending("files").appending(name) }
}
