import Glibc
import Kernel
import SystemPackage

/// What is never looked into, and what is never worth a look.
package struct Exclusions: Sendable {
  private let directoryNames: NamePatterns
  private let ownPaths: [(path: FilePath, bytes: [UInt8])]

  /// - Parameters:
  ///   - names: Directory names besides ``builtInDirectories``, each may be a pattern as in glob(7). A name is one
  ///     component: there is no `/` in it.
  ///   - own: The absolute paths of directories that the daemon itself writes. They need not exist.
  package init(names: [String], own: [FilePath]) {
    directoryNames = NamePatterns(Self.builtInDirectories + names)
    ownPaths = own.map { $0.lexicallyNormalized() }.map { ($0, $0.bytes) }
  }

  /// Whether the directory at `path`, and all below it, is never watched, listed or reported.
  ///
  /// By its name; or because the daemon writes it, under this path or another: then it is known by its inode, so it is
  /// asked for anew each time, for it may have been made or replaced meanwhile.
  package func excludesDirectory(_ path: FilePath) -> Bool {
    excludesDirectory(path, named: path.lastComponent?.bytes ?? [])
  }

  /// The same, for who knows the last component as bytes already: a path is costly to take apart.
  func excludesDirectory(_ path: FilePath, named name: [UInt8]) -> Bool {
    if directoryNames.contain(name) { return true }
    let bytes = path.bytes
    if ownPaths.contains(where: { Self.bytes(bytes, areAtOrBelow: $0.bytes) }) { return true }
    guard !ownPaths.isEmpty, let inode = Inode(of: path, following: false) else { return false }
    return ownPaths.contains { Inode(of: $0.path, following: true) == inode }
  }

  /// The numbers of the inodes that the daemon's own directories have now: a directory whose number is none of these, and
  /// whose path is none of theirs, need not be asked for its inode.
  func ownInodes() -> Set<UInt64> { Set(ownPaths.compactMap { Inode(of: $0.path, following: true)?.number }) }

  /// Whether one of the daemon's own directories has a path in, at or above `path`.
  func mayOwnWithin(_ path: FilePath) -> Bool {
    let bytes = path.bytes
    return ownPaths.contains { Self.bytes($0.bytes, areAtOrBelow: bytes) || Self.bytes(bytes, areAtOrBelow: $0.bytes) }
  }

  /// Whether a directory of this name is never looked into, wherever it is.
  func excludesDirectory(named name: [UInt8]) -> Bool { directoryNames.contain(name) }

  private static func bytes(_ bytes: [UInt8], areAtOrBelow above: [UInt8]) -> Bool {
    bytes.starts(with: above)
      && (bytes.count == above.count || bytes[above.count] == UInt8(ascii: "/") || above.last == UInt8(ascii: "/"))
  }

  /// Whether a file of this name, alone, is no reason to look at its directory: a temporary name that will be renamed,
  /// or a file that no adapter consists of and no trainer writes last.
  package func ignoresFile(named name: [UInt8]) -> Bool {
    Self.files.contain(name)
  }

  /// Folders of trainers, loggers and tools that hold no adapters, or hold the optimizer's shards. From the layouts that
  /// transformers, DeepSpeed, FSDP, Weights & Biases and TensorBoard write.
  package static let builtInDirectories = [
    ".*",  // .git, .cache, .venv, .ipynb_checkpoints, .tmp…, .rsync-partial, .Trash-1000
    "__pycache__", "global_step*", "lightning_logs", "lost+found", "mlruns", "node_modules", "optimizer_[0-9]*",
    "pytorch_model_fsdp*", "runs", "tmp-checkpoint-*", "wandb",
  ]

  private static let files = NamePatterns([
    ".*",  // .tmpXXXXXX of safetensors, .name.XXXXXX of rsync, .name.swp of editors, .nfs…
    "*.tmp", "*.tmp.*", "*.part", "*.partial", "*.swp", "*~", "#*#", "4913",  // 4913: Vim's probe
    "*.log", "trainer_log.jsonl", "events.out.tfevents*",
    "optimizer.pt", "optimizer.bin", "scheduler.pt", "scaler.pt", "rng_state*.pth",
  ])

  /// A directory, whatever its path; `nil` if there is none.
  private struct Inode: Equatable {
    let device: UInt64
    let number: UInt64

    init?(of path: FilePath, following: Bool) {
      var status = stat()
      let flags = following ? 0 : AT_SYMLINK_NOFOLLOW
      guard path.withPlatformString({ fstatat(AT_FDCWD, $0, &status, flags) }) == 0 else { return nil }
      (device, number) = (UInt64(status.st_dev), UInt64(status.st_ino))
    }
  }
}

/// A list of names, some of which are patterns as in glob(7). Bytes, not characters: `?` is one byte.
struct NamePatterns: Sendable {
  private let plain: Set<[UInt8]>
  private let prefixes: [[UInt8]]
  private let suffixes: [[UInt8]]
  private let others: [String]

  init(_ patterns: [String]) {
    func isPlain(_ text: Substring) -> Bool { !text.contains { "*?[\\".contains($0) } }
    plain = Set(patterns.filter { isPlain($0[...]) }.map { Array($0.utf8) })
    let globs = Set(patterns.filter { !isPlain($0[...]) })
    // The commonest two kinds are compared here: fnmatch(3) is ten times as slow, and a storm brings a million names.
    prefixes = globs.filter { $0.hasSuffix("*") && isPlain($0.dropLast()) }.map { Array($0.dropLast().utf8) }
    suffixes = globs.filter { $0.hasPrefix("*") && isPlain($0.dropFirst()) }.map { Array($0.dropFirst().utf8) }
    others = globs.filter {
      !($0.hasSuffix("*") && isPlain($0.dropLast())) && !($0.hasPrefix("*") && isPlain($0.dropFirst()))
    }
  }

  func contain(_ name: [UInt8]) -> Bool {
    if plain.contains(name) || prefixes.contains(where: name.starts(with:)) { return true }
    if suffixes.contains(where: { name.count >= $0.count && name[(name.count - $0.count)...].elementsEqual($0) }) {
      return true
    }
    if others.isEmpty { return false }
    let terminated = name.map { CChar(bitPattern: $0) } + [0]
    return others.contains { fnmatch($0, terminated, 0) == 0 }
  }
}
