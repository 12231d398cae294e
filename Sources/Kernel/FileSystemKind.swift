import CLinux
import Glibc
import SystemPackage

/// How far a file system tells of what is written to it, see inotify(7) and statfs(2).
package enum FileSystemKind: Sendable, Hashable {
  /// Every write comes through this kernel: inotify sees all of them, a lease knows every writer.
  case local
  /// overlayfs: what is written to the layers below, or through another mount of them, makes no event here.
  case overlay
  /// Others may write to it — another machine, a process behind FUSE: inotify sees only what this machine writes through
  /// this mount. The name is as people know it.
  case remote(String)

  /// The kind of the file system that the open file is on; `path` is for the error only.
  ///
  /// - Throws: ``SystemError`` of fstatfs(2).
  package init(of descriptor: borrowing OwnedDescriptor, path: FilePath) throws(SystemError) {
    var status = statfs()
    let raw = descriptor.raw
    do throws(Errno) {
      _ = try retryingInterrupts { fstatfs(raw, &status) }
    } catch {
      throw SystemError("statfs", path, error)
    }
    self.init(magic: UInt32(truncatingIfNeeded: status.f_type))
  }

  /// The kind of the file system that `path` is on.
  ///
  /// - Throws: ``SystemError`` of statfs(2).
  package init(at path: FilePath) throws(SystemError) {
    var status = statfs()
    do throws(Errno) {
      _ = try retryingInterrupts { path.withPlatformString { statfs($0, &status) } }
    } catch {
      throw SystemError("statfs", path, error)
    }
    self.init(magic: UInt32(truncatingIfNeeded: status.f_type))
  }

  /// - Parameter magic: `f_type` of statfs(2).
  package init(magic: UInt32) {
    if magic == UInt32(OVERLAYFS_SUPER_MAGIC) {
      self = .overlay
    } else {
      self = Self.remotes[magic].map { .remote($0) } ?? .local
    }
  }

  /// The `…_SUPER_MAGIC` numbers of statfs(2) and, where that leaves one out, of the file system's own source.
  private static let remotes: [UInt32: String] = [
    UInt32(NFS_SUPER_MAGIC): "NFS",
    UInt32(SMB_SUPER_MAGIC): "SMB",
    UInt32(CIFS_SUPER_MAGIC): "CIFS",
    UInt32(SMB2_SUPER_MAGIC): "SMB",
    UInt32(V9FS_MAGIC): "9p",
    UInt32(FUSE_SUPER_MAGIC): "FUSE",  // sshfs, s3fs, rclone, virtiofs, ntfs-3g
    UInt32(CEPH_SUPER_MAGIC): "Ceph",
    UInt32(AFS_SUPER_MAGIC): "AFS",
    UInt32(AFS_FS_MAGIC): "AFS",
    UInt32(CODA_SUPER_MAGIC): "Coda",
    UInt32(OCFS2_SUPER_MAGIC): "OCFS2",
    0x0116_1970: "GFS2",
    0x0BD0_0BD0: "Lustre",
    0x4750_4653: "GPFS",
    0x1983_0326: "BeeGFS",
    0xAAD7_AAEA: "Panasas",
    0x7C7C_6673: "PRLFS",
    0x786F_4256: "VirtualBox shared folder",
    0xBACB_ACBC: "VMware shared folder",
  ]
}
