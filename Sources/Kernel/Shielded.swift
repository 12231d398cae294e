/// Runs `body` to its end although the task that waits for it is cancelled: for what must not be left half done.
package func shielded<T: Sendable, Failure: Error>(
  _ body: @escaping @Sendable () async throws(Failure) -> T
) async throws(Failure) -> T {
  // A task of its own is the only one that a cancellation does not reach.
  let task = Task { () async -> Result<T, Failure> in
    do throws(Failure) {
      return .success(try await body())
    } catch {
      return .failure(error)
    }
  }
  return try await task.value.get()
}
