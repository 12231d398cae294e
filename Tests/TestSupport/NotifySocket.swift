import Foundation
import Glibc
import Synchronization
import SystemPackage

/// The socket on which a service manager hears of its services, see sd_notify(3).
package final class NotifySocket: Sendable {
  package let path: FilePath
  private let descriptor: CInt
  private let messages: AsyncStream<String>

  /// Binds a datagram socket at `path`.
  ///
  /// - Throws: `Errno`.
  package init(at path: FilePath) throws {
    self.path = path
    let descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    self.descriptor = descriptor
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.string.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { throw Errno.fileNameTooLong }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else { throw Errno(rawValue: errno) }
    let (messages, more) = AsyncStream.makeStream(of: String.self)
    self.messages = messages
    Thread.detachNewThread {
      var buffer = [UInt8](repeating: 0, count: 65536)
      while case let count = recv(descriptor, &buffer, buffer.count, 0), count > 0 {
        more.yield(String(decoding: buffer[..<count], as: UTF8.self))
      }
      more.finish()
    }
  }

  deinit {
    shutdown(descriptor, CInt(SHUT_RDWR))
    close(descriptor)
  }

  /// Waits for the next message for which `matches` holds; those before it are passed over. For one caller at a time.
  package func message(where matches: (String) -> Bool) async throws -> String {
    for await message in messages where matches(message) { return message }
    throw CancellationError()
  }
}
