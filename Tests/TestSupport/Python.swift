import Foundation
import SystemPackage

/// The Python with `huggingface_hub` in it that `make test` sets up.
package enum Python {
  /// `$ADAPTERD_PYTHON`, else the one in the build folder.
  package static var path: String {
    if let path = ProcessInfo.processInfo.environment["ADAPTERD_PYTHON"], !path.isEmpty { return path }
    let root = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
    return root.appending(".build/venv/bin/python").string
  }
}
