import Foundation
import Synchronization
import SystemPackage

/// A program that runs beside the test: what it says on stderr is read line by line as it comes.
package final class RunningProgram: Sendable {
  /// It ended, or said nothing of the kind, although it was waited for.
  package struct Ended: Error, CustomStringConvertible {
    package let description: String
  }

  private struct State {
    var lines: [String] = []
    var rest: [UInt8] = []
    var isAtEnd = false
    var waiting: [Int: Waiting] = [:]
    var waits = 0
  }

  private struct Waiting {
    let from: Int
    let matches: @Sendable (String) -> Bool
    let continuation: CheckedContinuation<Int?, Never>
  }

  private let state = Mutex(State())
  private let process: Process
  private let exit: AsyncStream<Int32>

  /// Starts `program`, a product of this package.
  package init(_ program: String, _ arguments: [String], environment: [String: String]) throws {
    let process = try Program.process(program, arguments, environment)
    self.process = process
    let (exit, ended) = AsyncStream.makeStream(of: Int32.self)
    self.exit = exit
    process.terminationHandler = {
      ended.yield($0.terminationReason == .exit ? $0.terminationStatus : 128 + $0.terminationStatus)
      ended.finish()
    }
    let errors = Pipe()
    process.standardError = errors
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    try errors.fileHandleForWriting.close()
    let reading = errors.fileHandleForReading
    Thread.detachNewThread { [self] in
      while case let data = reading.availableData, !data.isEmpty { take([UInt8](data)) }
      take(nil)
    }
  }

  /// All lines so far.
  package var lines: [String] { state.withLock { $0.lines } }

  /// How many lines there are: where ``line(from:where:)`` may begin.
  package var count: Int { lines.count }

  /// Waits for the first line at or after `start` for which `matches` holds.
  ///
  /// - Returns: the line's index.
  /// - Throws: ``Ended`` if the program ends before, or the test's time does.
  @discardableResult
  package func line(from start: Int = 0, where matches: @escaping @Sendable (String) -> Bool) async throws -> Int {
    let wait = state.withLock { state in
      state.waits += 1
      return state.waits
    }
    let found = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let known: Int?? = state.withLock { state in
          if let index = state.lines.indices.dropFirst(start).first(where: { matches(state.lines[$0]) }) {
            return .some(index)
          }
          if state.isAtEnd || Task.isCancelled { return .some(nil) }
          state.waiting[wait] = Waiting(from: start, matches: matches, continuation: continuation)
          return nil
        }
        if let known { continuation.resume(returning: known) }
      }
    } onCancel: {
      state.withLock { $0.waiting.removeValue(forKey: wait) }?.continuation.resume(returning: nil)
    }
    guard let found else {
      let why = Task.isCancelled ? "it did not say in time what it was waited for" : "the program ended"
      throw Ended(description: "\(why); it had said:\n" + lines.joined(separator: "\n"))
    }
    return found
  }

  /// Waits for a line with `text` in it.
  @discardableResult
  package func line(from start: Int = 0, with text: String) async throws -> Int {
    try await line(from: start) { $0.contains(text) }
  }

  /// The most memory that it ever had in use, bytes: `VmHWM` of proc_pid_status(5).
  package var peakMemory: Int {
    get throws {
      let status = try text(FilePath("/proc/\(process.processIdentifier)/status"))
      let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
      return (line?.split(separator: " ").dropLast().last.flatMap { Int($0) } ?? 0) * 1024
    }
  }

  /// Sends `signal` and goes on.
  package func send(_ signal: Int32) {
    kill(process.processIdentifier, signal)
  }

  /// Sends `signal`, waits for the end.
  ///
  /// - Returns: the exit status; 128 and more for a signal.
  @discardableResult
  package func stop(_ signal: Int32 = SIGTERM) async -> Int32 {
    send(signal)
    return await ended()
  }

  /// Waits for the end. For one caller.
  package func ended() async -> Int32 {
    for await status in exit { return status }
    return process.terminationStatus
  }

  private func take(_ bytes: [UInt8]?) {
    let done = state.withLock { state in
      if let bytes {
        state.rest += bytes
        while let end = state.rest.firstIndex(of: UInt8(ascii: "\n")) {
          state.lines.append(String(decoding: state.rest[..<end], as: UTF8.self))
          state.rest.removeSubrange(...end)
        }
      } else {
        state.isAtEnd = true
      }
      var done: [(CheckedContinuation<Int?, Never>, Int?)] = []
      for (wait, waiting) in state.waiting {
        let index = state.lines.indices.dropFirst(waiting.from).first { waiting.matches(state.lines[$0]) }
        guard index != nil || state.isAtEnd else { continue }
        state.waiting[wait] = nil
        done.append((waiting.continuation, index))
      }
      return done
    }
    for (continuation, index) in done { continuation.resume(returning: index) }
  }
}
