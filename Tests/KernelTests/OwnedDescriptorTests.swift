import Glibc
import Kernel
import SystemPackage
import Testing

@Suite struct OwnedDescriptorTests {
  @Test func `it is closed when its owner goes`() throws {
    var ends: [CInt] = [-1, -1]
    try #require(pipe(&ends) == 0)
    let reader = OwnedDescriptor(owning: ends[0])
    do {
      let writer = OwnedDescriptor(owning: ends[1])
      try writer.write([7], path: "pipe")
    }
    // The end of the stream comes only when the other end is closed.
    var byte: UInt8 = 0
    #expect(Glibc.read(reader.raw, &byte, 1) == 1)
    #expect(byte == 7)
    #expect(Glibc.read(reader.raw, &byte, 1) == 0)
  }

  @Test func `an interrupted call is made again, another failure is thrown with its number`() throws {
    var calls = 0
    let result: CInt = try retryingInterrupts {
      calls += 1
      errno = EINTR
      return calls < 3 ? -1 : 42
    }
    #expect(result == 42)
    #expect(calls == 3)
    #expect(throws: Errno.noSpace) {
      try retryingInterrupts { () -> CInt in
        errno = ENOSPC
        return -1
      }
    }
  }
}
