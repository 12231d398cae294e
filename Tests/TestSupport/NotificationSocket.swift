import Glibc
import Kernel
import SystemPackage

/// A datagram socket such as the service manager binds for `NOTIFY_SOCKET`.
package final class NotificationSocket: Sendable {
  package let path: String
  private let socket: OwnedDescriptor

  package init(at path: String) throws {
    let socket = OwnedDescriptor(
      owning: try retryingInterrupts {
        Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
      })
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { throw Errno.fileNameTooLong }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let raw = socket.raw
    _ = try retryingInterrupts {
      withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(raw, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
    }
    self.path = path
    self.socket = socket
  }

  deinit {
    close()
    unlink(path)
  }

  /// Takes no more datagrams, and lets go whoever waits for one. A child that was just forked may still hold the
  /// descriptor: closing alone would leave the socket listening.
  package func close() {
    _ = shutdown(socket.raw, CInt(SHUT_RDWR))
  }

  /// The next datagram.
  ///
  /// - Parameter flags: `MSG_DONTWAIT` to take only one that is there already; else it waits.
  /// - Throws: the error number of recv(2), `EAGAIN` if there is none.
  package func receive(_ flags: CInt = CInt(MSG_DONTWAIT)) throws -> String {
    var bytes = [UInt8](repeating: 0, count: 8192)
    let raw = socket.raw
    let count = try retryingInterrupts { recv(raw, &bytes, bytes.count, flags) }
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  /// All datagrams that are there already.
  package func received() throws -> [String] {
    var all: [String] = []
    while true {
      do { all.append(try receive()) } catch Errno.resourceTemporarilyUnavailable { return all }
    }
  }
}
