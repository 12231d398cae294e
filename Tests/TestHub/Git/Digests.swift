import Crypto
import Foundation

func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  let digits = Array("0123456789abcdef".utf8)
  return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}

/// The name of a git object: SHA-1 of its kind, its length and its content.
func gitName(_ kind: String, _ content: [UInt8]) -> [UInt8] {
  Array(Insecure.SHA1.hash(data: Array("\(kind) \(content.count)\0".utf8) + content))
}
