import Crypto

/// What a file's bytes are known by: SHA-256 as LFS and the ledger have it, and git's blob id.
package struct FileDigests: Sendable, Hashable {
  /// 64 hexadecimal digits.
  package let sha256: String
  /// `sha1("blob <length>\0" + bytes)`, 40 hexadecimal digits: a regular file's `oid` on the Hub.
  package let gitBlob: String
}

/// Takes a file's bytes piece by piece.
struct DigestBuilder {
  private var sha256 = SHA256()
  private var gitBlob = Insecure.SHA1()

  /// - Parameter size: Bytes that will come, all told: git puts the length first.
  init(size: Int64) {
    gitBlob.update(data: Array("blob \(size)\0".utf8))
  }

  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    sha256.update(bufferPointer: bytes)
    gitBlob.update(bufferPointer: bytes)
  }

  func finish() -> FileDigests {
    FileDigests(sha256: hexadecimal(sha256.finalize()), gitBlob: hexadecimal(gitBlob.finalize()))
  }
}

/// Bytes as lower-case hexadecimal digits.
package func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  let digits = Array("0123456789abcdef".utf8)
  return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}

extension FileDigests {
  /// The digests of bytes in memory.
  package init(of bytes: [UInt8]) {
    var builder = DigestBuilder(size: Int64(bytes.count))
    bytes.withUnsafeBytes { builder.update($0) }
    self = builder.finish()
  }
}
