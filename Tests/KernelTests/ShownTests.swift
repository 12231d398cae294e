import Kernel
import SystemPackage
import Testing

@Suite struct ShownTests {
  @Test(arguments: [
    ("/srv/outputs/run 1", "/srv/outputs/run 1"),
    ("/srv/Größe/日本", "/srv/Größe/日本"),
    ("/a\nb", "/a\\x0ab"),
    ("/\u{1b}[31mred", "/\\x1b[31mred"),
    ("/\u{7f}", "/\\x7f"),
    // C1 controls, and those that turn the direction of writing round, in their UTF-8 bytes.
    ("/\u{9b}x", "/\\xc2\\x9bx"),
    ("/\u{202e}gpj.exe", "/\\xe2\\x80\\xaegpj.exe"),
  ])
  func `text is shown as it is, without what steers a terminal`(path: String, shown: String) {
    #expect(FilePath(path).shown == shown)
  }

  @Test func `bytes that are no text are shown as their numbers`() {
    #expect(shown([0x2f, 0x61, 0xff, 0xc3, 0x0a]) == "/a\\xff\\xc3\\x0a")
    #expect(shown([]) == "")
  }

  @Test func `any bytes make a path, and come back`() {
    let bytes: [UInt8] = [0x2f] + (1...255).filter { $0 != 0x2f } + [0x2f, 0x61]
    #expect(FilePath(bytes: bytes).bytes == bytes)
    #expect(FilePath(bytes: bytes).lastComponent?.bytes == [0x61])
    #expect(FilePath(bytes: []).bytes == [])
  }

  @Test func `an error says what was attempted, on what, and why`() {
    #expect("\(SystemError("open", "/a\nb", .permissionDenied))" == "open /a\\x0ab: Permission denied")
    #expect("\(SystemError("poll", nil, .noMemory))" == "poll: Cannot allocate memory")
  }
}
