import Glibc
import SystemPackage

/// Waits in poll(2) until one of the entries has something, or the time is over.
///
/// It blocks its thread: never call it on the cooperative pool.
///
/// - Parameters:
///   - entries: What to wait for; `revents` says afterwards what there is.
///   - timeout: How long to wait, rounded up to milliseconds; for ever if `nil`.
/// - Throws: ``SystemError`` of poll(2).
package func waitForInput(_ entries: inout [pollfd], timeout: Duration?) throws(SystemError) {
  var milliseconds: CInt = -1
  if let timeout {
    let (seconds, attoseconds) = max(timeout, .zero).components
    milliseconds = CInt(clamping: seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
  }
  do throws(Errno) {
    _ = try retryingInterrupts { poll(&entries, nfds_t(entries.count), milliseconds) }
  } catch {
    throw SystemError("poll", nil, error)
  }
}
