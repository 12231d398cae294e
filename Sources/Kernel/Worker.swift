import Dispatch

/// A thread of its own for calls that block — reading, copying, hashing, SQLite — so that they never hold up the
/// cooperative pool. Work is done one piece after another, in the order in which it was handed over.
package struct Worker: Sendable {
  private let queue: DispatchQueue

  /// - Parameter label: A name for debuggers.
  package init(_ label: String) {
    queue = DispatchQueue(label: label, qos: .utility)
  }

  /// Runs `body` on the worker's thread and waits for it without blocking.
  ///
  /// - Throws: what `body` throws.
  package func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Result(catching: body)) }
    }
  }
}
