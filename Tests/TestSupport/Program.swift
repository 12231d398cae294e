import Foundation
import SystemPackage

/// A program that was built with the tests, run as a user runs it.
package enum Program {
  /// What a run that has ended left.
  package struct Result: Sendable {
    package let status: Int32
    package let output: String
    package let errors: String
  }

  /// The directory that this test program, and all others of the build, lie in.
  package static var directory: FilePath {
    get throws {
      let link = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
      return FilePath(link).removingLastComponent()
    }
  }

  /// Runs `program` to its end.
  ///
  /// - Parameters:
  ///   - program: The name of a product of this package, or an absolute path.
  ///   - environment: Its whole environment but `PATH`.
  package static func run(
    _ program: String, _ arguments: [String], environment: [String: String] = [:], input: String? = nil
  ) async throws -> Result {
    let process = try process(program, arguments, environment)
    let output = Pipe()
    let errors = Pipe()
    process.standardOutput = output
    process.standardError = errors
    async let outputText = text(of: output)
    async let errorText = text(of: errors)
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
      process.terminationHandler = { _ in continuation.resume() }
      do {
        try process.run()
        // Ours must go, or the readers never see the end.
        try? output.fileHandleForWriting.close()
        try? errors.fileHandleForWriting.close()
      } catch {
        try? output.fileHandleForWriting.close()
        try? errors.fileHandleForWriting.close()
        process.terminationHandler = nil
        continuation.resume(throwing: error)
      }
    }
    return await Result(status: process.terminationStatus, output: outputText, errors: errorText)
  }

  static func process(_ program: String, _ arguments: [String], _ environment: [String: String]) throws -> Process {
    let process = Process()
    let path = program.hasPrefix("/") ? FilePath(program) : try directory.appending(program)
    process.executableURL = URL(filePath: path.string)
    process.arguments = arguments
    var variables = environment
    for inherited in ["PATH", "LD_LIBRARY_PATH"] where variables[inherited] == nil {
      variables[inherited] = ProcessInfo.processInfo.environment[inherited]
    }
    process.environment = variables
    process.standardInput = FileHandle.nullDevice
    return process
  }

  /// All that comes out of `pipe`, read on a thread of its own.
  private static func text(of pipe: Pipe) async -> String {
    let reading = pipe.fileHandleForReading
    return await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(returning: String(decoding: reading.readDataToEndOfFile(), as: UTF8.self))
      }
    }
  }
}
