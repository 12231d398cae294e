import Kernel
import Logging
import SystemPackage
import Testing

@testable import Reports

@Suite struct TextLogHandlerTests {
  /// What `body` makes a logger write, read from the other end of a pipe; the time is checked and cut off.
  private func written(
    label: String = "adapterd", isColoured: Bool = false, _ body: (Logger) -> Void
  ) throws -> [String] {
    let pipe = try FileDescriptor.pipe()
    defer { try? pipe.readEnd.close() }
    try pipe.writeEnd.closeAfter {
      body(
        Logger(label: label) { label in
          TextLogHandler(label: label, level: .info, output: pipe.writeEnd, isColoured: isColoured)
        })
    }
    var bytes = [UInt8](repeating: 0, count: 64 * 1024)
    let count = try bytes.withUnsafeMutableBytes { try pipe.readEnd.read(into: $0) }
    let text = String(decoding: bytes[..<count], as: UTF8.self)
    #expect(text.isEmpty || text.hasSuffix("\n"))
    return try text.split(separator: "\n").map { line in
      let time = try #require(line.prefixMatch(of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} /#), "\(line)")
      return String(line[time.range.upperBound...])
    }
  }

  @Test func eventAndItsFieldsStandAtTheEndInOrder() throws {
    let lines = try written { logger in
      logger.report(
        .published, level: .notice, "published salakash/AskBuddyX",
        EventFields(
          outputs: "/srv/out", repo: "salakash/AskBuddyX", commit: "1a2b3c4", publication: "7", bytes: 12,
          duration: .seconds(3), attempt: 1))
    }
    #expect(
      lines == [
        "notice published salakash/AskBuddyX [event=published repo=salakash/AskBuddyX commit=1a2b3c4 publication=7 "
          + "outputs=/srv/out bytes=12 duration_usec=3000000 attempt=1]"
      ])
  }

  @Test func otherMetadataFollowsInTheOrderOfItsKeys() throws {
    let lines = try written(label: "adapterd.hub") { logger in
      var logger = logger
      logger[metadataKey: "zone"] = "z"
      logger.warning("slow", metadata: ["adapterd.repo": "a/b", "answer": "42"])
    }
    #expect(lines == ["warning adapterd.hub: slow [repo=a/b answer=42 zone=z]"])
  }

  @Test func anEntryIsOneLineWhateverItHolds() throws {
    let name = FilePath(bytes: Array("/out/\u{1B}[2Jx\n".utf8) + [0xFF])
    let lines = try written { logger in
      logger.info("first\nsecond\u{1B}[31m\u{202E}", metadata: ["p": .stringConvertible(name), "q": "a\r\nb"])
    }
    #expect(
      lines == [
        #"info first\nsecond\x1b[31m\xe2\x80\xae [p="/out/\x1b[2Jx\x0a\xff" q=a\x0d\x0ab]"#
      ])
  }

  @Test func valuesThatCouldBeTakenForMoreAreQuoted() throws {
    let lines = try written { logger in
      logger.report(.failed, level: .error, "failed", EventFields(commit: "", error: #"status 401 "no" repo=x"#))
    }
    #expect(lines == [#"error failed [event=failed commit="" error="status 401 \"no\" repo=x"]"#])
  }

  @Test func nothingBelowTheLevelIsWritten() throws {
    #expect(try written { $0.debug("no") } == [])
  }

  @Test func withoutMetadataThereAreNoBrackets() throws {
    #expect(try written { $0.critical("the end") } == ["critical the end"])
  }

  @Test func coloursTheLevelAndDimsTheFields() throws {
    let lines = try written(isColoured: true) { $0.error("bad", metadata: ["k": "v"]) }
    #expect(lines == ["\u{1B}[1;31merror\u{1B}[0m bad \u{1B}[2m[k=v]\u{1B}[0m"])
  }
}
