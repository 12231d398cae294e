import Kernel
import SystemPackage
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct FileSystemKindTests {
  /// The numbers are those that statfs(2) lists.
  @Test(
    arguments: [
      (0x6969, "NFS"), (0xFF53_4D42, "CIFS"), (0xFE53_4D42, "SMB"), (0x517B, "SMB"), (0x0102_1997, "9p"),
      (0x6573_5546, "FUSE"), (0x00C3_6400, "Ceph"), (0x0BD0_0BD0, "Lustre"),
    ] as [(UInt32, String)])
  func othersWriteToThese(magic: UInt32, name: String) {
    #expect(FileSystemKind(magic: magic) == .remote(name))
  }

  /// ext4, xfs, btrfs, tmpfs, ZFS, F2FS.
  @Test(arguments: [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x2FC1_2FC1, 0xF2F5_2010] as [UInt32])
  func onlyThisKernelWritesToThese(magic: UInt32) {
    #expect(FileSystemKind(magic: magic) == .local)
  }

  @Test func aRealOneIsAsked() throws {
    #expect(try FileSystemKind(at: "/dev") != .remote("FUSE"))
    #expect(throws: SystemError("statfs", "/nowhere/at/all", .noSuchFileOrDirectory)) {
      try FileSystemKind(at: "/nowhere/at/all")
    }
  }

  @Test(.enabled(if: Mounts.areAllowed, "mount(2) is not allowed"))
  func anOverlayIsOne() async throws {
    try await Mounts.withOverlay { _, _, mounted in
      let kind = try FileSystemKind(at: mounted)
      #expect(kind == .overlay)
    }
  }

  @Test(.enabled(if: Mounts.haveFUSE, "needs bindfs and /dev/fuse"))
  func whatIsBehindFUSEIsSomebodyElses() async throws {
    try await Mounts.withBindFS { _, mounted in
      let kind = try FileSystemKind(at: mounted)
      #expect(kind == .remote("FUSE"))
    }
  }
}
