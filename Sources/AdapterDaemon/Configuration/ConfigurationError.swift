import Kernel
import SystemPackage

/// What is wrong with the configuration: where, what, and what to do about it.
package struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The file; none if the fault is that there is none.
  package var file: FilePath?
  /// The line, from 1, where it could be found.
  package var line: Int?
  package var message: String

  package init(_ message: String, file: FilePath? = nil, line: Int? = nil) {
    self.message = message
    self.file = file
    self.line = line
  }

  package var description: String {
    guard let file else { return message }
    return "\(file.shown)\(line.map { ":\($0)" } ?? ""): \(message)"
  }
}
