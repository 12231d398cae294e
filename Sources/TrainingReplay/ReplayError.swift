import SystemPackage

/// Why a recording cannot be read or played.
package struct ReplayError: Error, Sendable, CustomStringConvertible {
  package let description: String

  init(_ what: String, _ path: FilePath) {
    description = "\(path): \(what)"
  }
}
