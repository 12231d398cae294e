import Kernel
import SystemPackage

/// Why there is no bundle of a state.
package enum BundleError: Error, Sendable, CustomStringConvertible {
  /// A source file changed while it was read: the trainer is still at it. A later state will do.
  case changed(FilePath)
  /// A source file is gone: rotation deleted the checkpoint. Another state supersedes this one.
  case vanished(FilePath)
  /// A source file cannot be read.
  case unreadable(SystemError)
  /// The staging directory cannot be written to.
  case unwritable(SystemError)
  /// A text of the bundle cannot be made from what the user gave: a template, a front matter.
  case invalid(file: String, reason: String)

  package var description: String {
    switch self {
    case .changed(let path): "\(path.shown) changed while it was copied"
    case .vanished(let path): "\(path.shown) was deleted while it was copied"
    case .unreadable(let error): "cannot read the adapter: \(error)"
    case .unwritable(let error): "cannot write the bundle: \(error)"
    case .invalid(let file, let reason): "\(file): \(reason)"
    }
  }
}
