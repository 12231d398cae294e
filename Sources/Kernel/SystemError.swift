import Glibc
import SystemPackage

/// A system call that failed: which, on what, and why.
///
/// The error number is the one saved right after the call, never the thread's current one.
package struct SystemError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What was attempted, e.g. `open`.
  package let operation: String
  /// On which file, if on one.
  package let path: FilePath?
  /// The error number, see errno(3).
  package let errno: Errno

  package init(_ operation: String, _ path: FilePath? = nil, _ errno: Errno) {
    self.operation = operation
    self.path = path
    self.errno = errno
  }

  /// Whether there is no such file, or none any more: nothing has the name, or the path leads through what is no
  /// directory.
  package var isAbsence: Bool { errno == .noSuchFileOrDirectory || errno == .notDirectory }

  package var description: String {
    guard let path else { return "\(operation): \(errno)" }
    return "\(operation) \(path.shown): \(errno)"
  }
}

extension FilePath {
  /// The path as text that is safe to print: bytes that are not UTF-8 and control characters are escaped as `\xHH`.
  package var shown: String { Kernel.shown(bytes) }

  /// The path's bytes, without the terminating null.
  package var bytes: [UInt8] {
    withPlatformString { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
  }

  /// A path of any bytes but null, as the kernel gives file names.
  package init(bytes: some Collection<UInt8>) {
    // Without an array between: this is what a walk over a big tree does most.
    self = withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes.count + 1) { buffer in
      _ = buffer.initialize(from: bytes.lazy.map { CChar(bitPattern: $0) })
      buffer.initializeElement(at: bytes.count, to: 0)
      guard let base = buffer.baseAddress else { return FilePath() }
      return FilePath(platformString: base)
    }
  }
}

extension FilePath.Component {
  /// The name's bytes, without the terminating null.
  package var bytes: [UInt8] {
    withPlatformString { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
  }

  /// The name as text that is safe to print, see ``FilePath/shown``.
  package var shown: String { Kernel.shown(bytes) }
}

/// File-name bytes as text that is safe to print in a terminal or a log.
package func shown(_ bytes: [UInt8]) -> String {
  func escaped(_ byte: UInt8) -> String {
    let digits = Array("0123456789abcdef")
    return "\\x\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
  }
  guard let text = String(validating: bytes, as: UTF8.self) else {
    return bytes.map { (32..<127).contains($0) ? String(UnicodeScalar($0)) : escaped($0) }.joined()
  }
  return text.unicodeScalars.map { scalar in
    let control = scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
    return control ? Array(String(scalar).utf8).map(escaped).joined() : String(scalar)
  }.joined()
}
