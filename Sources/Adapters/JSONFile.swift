import Kernel
import SystemPackage

/// What a look at a small JSON file of a trainer says.
enum JSONFile {
  case value(JSON, bytes: [UInt8], SourceFile)
  case missing
  /// Not whole, or being written.
  case torn(String)
  case refused(Refusal)

  /// The most bytes of a configuration that are read.
  static let usualLimit = 16 << 20
  /// The most bytes of a `trainer_state.json`, which holds the whole log, that are read.
  static let logLimit = 64 << 20

  /// Reads the file `name` in `directory`, whose names are `entries`.
  static func read(
    _ name: String, of directory: RunDirectory, _ entries: [DirectoryEntry], limit: Int, in tree: ConfinedTree
  ) throws(SystemError) -> JSONFile {
    guard entries.contains(where: { $0.name == Array(name.utf8) }) else { return .missing }
    let path = directory.path.appending(name)
    let bytes: [UInt8]
    let identity: FileIdentity
    do throws(SystemError) {
      (bytes, identity) = try tree.readFile(path, limit: limit)
    } catch {
      if error.isAbsence { return .missing }
      if error.errno == .resourceTemporarilyUnavailable { return .torn("\(name) is being written") }
      guard let reason = Unreadable.reason(error) else { throw error }
      return .refused(Refusal(directory: directory.path, file: path, reason: reason))
    }
    do throws(JSON.ParseError) {
      // Trainers write with Python's json, which has NaN for a loss that has run away.
      let json = try JSON(parsing: bytes, pythonNumbers: true)
      guard json.object != nil else { return .torn("\(name) is not a JSON object") }
      return .value(json, bytes: bytes, SourceFile(path: path, name: name, identity: identity))
    } catch {
      return .torn(bytes.isEmpty ? "\(name) is empty" : "\(name) is not whole: \(error)")
    }
  }
}

/// Why a file that is there cannot be used.
enum Unreadable {
  /// In words; `nil` if the error is not the doing of the file.
  static func reason(_ error: SystemError) -> String? {
    switch error.errno {
    case .permissionDenied, .notPermitted:
      """
      adapterd may not read it: safetensors 0.8 and later makes the weights private (mode 0600), so the daemon must run \
      as the user who trains
      """
    case .tooManySymbolicLinkLevels, .improperLink:
      "it is a symbolic link, and none is followed: it could lead to any file of the machine"
    case .invalidArgument, .noSuchAddressOrDevice, .isDirectory: "it is not a regular file"
    case .fileTooLarge: "it is longer than such a file ever is"
    default: nil
    }
  }
}
