import Glibc
import Kernel
import Logging
import SystemPackage
import Testing

@testable import Reports

@Suite struct LogBackendTests {
  @Test func journalOnlyIfTheStreamIsThisVeryOutput() throws {
    let pipe = try FileDescriptor.pipe()
    defer {
      try? pipe.readEnd.close()
      try? pipe.writeEnd.close()
    }
    var status = stat()
    try #require(fstat(pipe.writeEnd.rawValue, &status) == 0)
    func backend(_ stream: String?) -> LogBackend {
      LogBackend(environment: stream.map { ["JOURNAL_STREAM": $0] } ?? [:], output: pipe.writeEnd)
    }
    #expect(backend("\(status.st_dev):\(status.st_ino)") == .journal)
    // Inherited from a parent whose standard error was another one.
    #expect(backend("\(status.st_dev):\(status.st_ino + 1)") == .text(isColoured: false))
    #expect(backend("nonsense") == .text(isColoured: false))
    #expect(backend(nil) == .text(isColoured: false))
  }

  @Test func colouredOnlyOnATerminalThatWantsIt() throws {
    // The master end of a new pseudo-terminal is a terminal too.
    let terminal = OwnedDescriptor(owning: try retryingInterrupts { open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC) })
    let output = terminal.descriptor
    func backend(_ environment: [String: String]) -> LogBackend {
      LogBackend(environment: environment, output: output)
    }
    #expect(backend(["TERM": "xterm"]) == .text(isColoured: true))
    #expect(backend(["NO_COLOR": ""]) == .text(isColoured: true))
    #expect(backend(["NO_COLOR": "1"]) == .text(isColoured: false))
    #expect(backend(["TERM": "dumb"]) == .text(isColoured: false))
  }

  @Test func handlersAreThoseOfTheBackend() {
    #expect(LogBackend.journal.handler(label: "x", level: .debug) is JournalLogHandler)
    #expect(LogBackend.text(isColoured: false).handler(label: "x", level: .debug) is TextLogHandler)
    #expect(LogBackend.journal.handler(label: "x", level: .error).logLevel == .error)
  }
}
