import Foundation
import SystemPackage

/// What a service says to its manager, message by message as it comes, see sd_notify(3).
package final class NotifySocket: Sendable {
  private let socket: NotificationSocket
  private let messages: AsyncStream<String>

  /// - Throws: `Errno` if no socket can be bound at `path`.
  package init(at path: FilePath) throws {
    let socket = try NotificationSocket(at: path.string)
    self.socket = socket
    let (messages, more) = AsyncStream.makeStream(of: String.self)
    self.messages = messages
    Thread.detachNewThread {
      while let message = try? socket.receive(0), !message.isEmpty { more.yield(message) }
      more.finish()
    }
  }

  deinit {
    socket.close()
  }

  /// For `NOTIFY_SOCKET`.
  package var path: String { socket.path }

  /// Waits for the next message for which `matches` holds; those before it are passed over. For one caller at a time.
  package func message(where matches: (String) -> Bool) async throws -> String {
    for await message in messages where matches(message) { return message }
    throw CancellationError()
  }
}
