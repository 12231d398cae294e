import Foundation

/// What a path of a commit leads to.
enum Blob: Sendable, Equatable {
  /// What git stores instead of a big file, see git-lfs's spec.md.
  struct Pointer: Sendable, Equatable {
    let sha256: String
    let size: Int64

    var text: [UInt8] {
      Array("version https://git-lfs.github.com/spec/v1\noid sha256:\(sha256)\nsize \(size)\n".utf8)
    }
  }
  case regular([UInt8])
  case lfs(Pointer)

  /// What git itself stores.
  private var stored: [UInt8] {
    switch self {
    case .regular(let bytes): bytes
    case .lfs(let pointer): pointer.text
    }
  }

  var name: [UInt8] { gitName("blob", stored) }
  var oid: String { hexadecimal(name) }

  var size: Int64 {
    switch self {
    case .regular(let bytes): Int64(bytes.count)
    case .lfs(let pointer): pointer.size
    }
  }

  /// By which a client knows whether it has the same content.
  var identity: String {
    switch self {
    case .regular: oid
    case .lfs(let pointer): pointer.sha256
    }
  }

  /// As the listings of the Hub show it.
  func item(path: String) -> [String: Any] {
    var item: [String: Any] = ["type": "file", "path": path, "size": size, "oid": oid]
    if case .lfs(let pointer) = self {
      item["lfs"] = ["oid": pointer.sha256, "size": pointer.size, "pointerSize": pointer.text.count] as [String: Any]
    }
    return item
  }
}
