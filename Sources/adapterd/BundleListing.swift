import Bundles
import DownloadTracking
import Kernel

/// Prints a bundle's files, each with the beginning of its SHA-256 and its size, and whether it will be counted.
func list(_ bundle: AdapterBundle) {
  for file in bundle.manifest.files {
    let size = String(file.size)
    let column = String(repeating: " ", count: max(0, 12 - size.count)) + size
    print("  \(file.digests.sha256.prefix(12))  \(column)  \(file.path)")
  }
  print(bundle.verdict.summary)
  for note in bundle.notes { print("note: \(note)") }
}
