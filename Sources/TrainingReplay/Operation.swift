import Glibc
import SystemPackage

/// One system call that changed something in the output folder.
package struct Operation: Sendable, Decodable {
  /// What was done to ``path``.
  package enum Kind: Sendable, Equatable {
    case makeDirectory
    /// open(2)'s flags and, for a new file, permissions.
    case open(flags: CInt, permissions: FilePermissions)
    /// That many bytes at the file's position.
    case write(Int)
    /// ftruncate(2) to the size that the file will have.
    case truncate
    case close
    case rename(to: String)
    case unlink
    case removeDirectory
  }

  /// Since the training began.
  package let time: Duration
  package let kind: Kind
  /// Below the output folder. An open file is known by the name under which it was opened, even after a rename.
  package let path: String

  package init(from decoder: any Decoder) throws {
    var fields = try decoder.unkeyedContainer()
    time = .seconds(try fields.decode(Double.self))
    let name = try fields.decode(String.self)
    path = try fields.decode(String.self)
    func unknown(_ what: String) -> DecodingError {
      .dataCorruptedError(in: fields, debugDescription: "unknown \(what)")
    }
    switch name {
    case "mkdir": kind = .makeDirectory
    case "open":
      var flags: CInt = 0
      for flag in try fields.decode(String.self).split(separator: "|") {
        guard let bits = Self.flags[String(flag)] else { throw unknown("flag \(flag)") }
        flags |= bits
      }
      let mode = try fields.decodeIfPresent(String.self) ?? "0666"
      guard let permissions = CModeT(mode, radix: 8) else { throw unknown("mode \(mode)") }
      kind = .open(flags: flags, permissions: FilePermissions(rawValue: permissions))
    case "write": kind = .write(try fields.decode(Int.self))
    case "ftruncate": kind = .truncate
    case "close": kind = .close
    case "rename": kind = .rename(to: try fields.decode(String.self))
    case "unlink": kind = .unlink
    case "rmdir": kind = .removeDirectory
    default: throw unknown("operation \(name)")
    }
  }

  private static let flags: [String: CInt] = [
    "O_RDONLY": O_RDONLY, "O_WRONLY": O_WRONLY, "O_RDWR": O_RDWR, "O_CREAT": O_CREAT, "O_TRUNC": O_TRUNC,
    "O_EXCL": O_EXCL, "O_APPEND": O_APPEND, "O_CLOEXEC": O_CLOEXEC,
  ]
}

extension Operation: CustomStringConvertible {
  package var description: String {
    switch kind {
    case .makeDirectory: "mkdir \(path)"
    case .open: "open \(path)"
    case .write(let count): "write \(path) \(count)"
    case .truncate: "ftruncate \(path)"
    case .close: "close \(path)"
    case .rename(let new): "rename \(path) \(new)"
    case .unlink: "unlink \(path)"
    case .removeDirectory: "rmdir \(path)"
    }
  }
}
