import Foundation
import Hummingbird
import Synchronization

/// A commit as it is sent: one JSON text a line, the header first.
private struct CommitRequest {
  enum Change {
    case file(path: String, content: [UInt8])
    case lfsFile(path: String, Blob.Pointer)
    case deletedFile(path: String)
    case deletedFolder(path: String)
  }
  private struct Line: Decodable {
    struct Value: Decodable {
      let summary: String?
      let description: String?
      let parentCommit: String?
      let path: String?
      let encoding: String?
      let content: String?
      let algo: String?
      let oid: String?
      let size: Int64?
    }
    let key: String
    let value: Value
  }

  let summary: String
  let description: String
  let parent: String?
  let changes: [Change]

  init(_ data: Data) throws {
    let lines = try data.split(separator: UInt8(ascii: "\n")).map { line in
      do {
        return try JSONDecoder().decode(Line.self, from: Data(line))
      } catch {
        throw Refusal(400, "Invalid line in commit: \(error)")
      }
    }
    guard let header = lines.first, header.key == "header" else {
      throw Refusal(400, "A commit begins with its header")
    }
    guard let summary = header.value.summary, !summary.isEmpty else {
      throw Refusal(400, "\"summary\" is not allowed to be empty")
    }
    self.summary = summary
    description = header.value.description ?? ""
    parent = header.value.parentCommit
    changes = try lines.dropFirst().map { line in
      let path = try Self.checked(line.value.path)
      switch line.key {
      case "file": return .file(path: path, content: try Self.content(of: line.value, path))
      case "lfsFile": return .lfsFile(path: path, try Self.pointer(of: line.value, path))
      case "deletedFile": return .deletedFile(path: path)
      case "deletedFolder": return .deletedFolder(path: path)
      default: throw Refusal(400, "Unknown operation \"\(line.key)\"")
      }
    }
  }

  private static func checked(_ path: String?) throws -> String {
    let parts = (path ?? "").split(separator: "/", omittingEmptySubsequences: false)
    let refused: Set<Substring> = ["", ".", "..", ".git"]
    guard let path, parts.dropLast().allSatisfy({ !refused.contains($0) }),
      parts.last.map({ $0.isEmpty ? parts.count > 1 : !refused.contains($0) }) == true
    else { throw Refusal(400, "Invalid path: \(path ?? "none")") }
    return path
  }

  private static func content(of value: Line.Value, _ path: String) throws -> [UInt8] {
    guard value.encoding ?? "utf-8" != "base64" else {
      guard let data = Data(base64Encoded: value.content ?? "") else { throw Refusal(400, "Invalid base64 in \(path)") }
      return [UInt8](data)
    }
    return Array((value.content ?? "").utf8)
  }

  private static func pointer(of value: Line.Value, _ path: String) throws -> Blob.Pointer {
    guard value.algo == "sha256", let oid = value.oid, oid.wholeMatch(of: /[0-9a-f]{64}/) != nil else {
      throw Refusal(400, "\(path) has no SHA-256")
    }
    return Blob.Pointer(sha256: oid, size: value.size ?? -1)
  }
}

extension Core {
  func addCommits(to router: Router<HubContext>) {
    router.post("api/models/:namespace/:name/commit/:revision") { request, context in
      let (id, _) = try self.repository(context)
      try context.requireWriter()
      guard request.query("create_pr").isEmpty else { throw Refusal(501, "this Hub has no pull requests") }
      guard request.header("Content-Type")?.hasPrefix("application/x-ndjson") == true else {
        throw Refusal(400, "a commit is application/x-ndjson")
      }
      let wanted = try CommitRequest(try await request.data())
      let oid = try self.apply(wanted, to: id, branch: try context.path("revision"))
      return try json([
        "success": true, "commitOid": oid, "commitUrl": "\(self.base(for: request))/\(id)/commit/\(oid)",
        "hookOutput": "",
      ])
    }
  }

  /// Makes all changes of a commit, or none.
  private func apply(_ wanted: CommitRequest, to id: String, branch: String) throws -> String {
    try state.withLock { state in
      guard var repository = state.repos[id] else { throw Refusal.noRepo }
      guard let head = repository.branches[branch] else { throw Refusal.noRevision(branch) }
      if let parent = wanted.parent, parent != head {
        throw Refusal(412, "A commit has happened since. Please refresh and try again.")
      }
      let stored = state.objects
      let oid = try repository.commit(title: wanted.summary, message: wanted.description, to: branch) { tree in
        for change in wanted.changes { try make(change, in: &tree) { stored[.init(repo: id, sha256: $0)]?.size } }
      }
      state.repos[id] = repository
      return oid
    }
  }

  private func make(
    _ change: CommitRequest.Change, in tree: inout [String: Blob], storedSize: (String) -> Int64?
  ) throws {
    switch change {
    case .file(let path, let content):
      guard content.count <= regularLimit else { throw Refusal(400, "\(path) is over 10 MiB and must go by LFS") }
      guard content.isEmpty || !GitAttributes(of: tree).isLFS(path), !isBinary(Array(content.prefix(512))) else {
        throw Refusal(400, "Your push was rejected because it contains binary files. Offending files: \(path)")
      }
      if path == "README.md", let error = cardErrors(String(decoding: content, as: UTF8.self)).first {
        throw Refusal(400, "Invalid metadata in README.md: \(error)")
      }
      tree[path] = .regular(content)
    case .lfsFile(let path, let pointer):
      guard let size = storedSize(pointer.sha256) else {
        throw Refusal(
          400,
          "Your push was rejected because an LFS pointer pointed to a file that does not exist. Offending file: \(path)"
        )
      }
      guard size == pointer.size else { throw Refusal(400, "\(path) has \(size) bytes, not \(pointer.size)") }
      if !GitAttributes(of: tree).isLFS(path) {
        let rules = (text(of: ".gitattributes", in: tree) ?? "") + GitAttributes.line(for: path)
        tree[".gitattributes"] = .regular(Array(rules.utf8))
      }
      tree[path] = .lfs(pointer)
    case .deletedFile(let path):
      guard tree.removeValue(forKey: path) != nil else {
        throw Refusal(404, "\(path) does not exist", code: "EntryNotFound")
      }
    case .deletedFolder(let path):
      let prefix = path.hasSuffix("/") ? path : path + "/"
      guard tree.keys.contains(where: { $0.hasPrefix(prefix) }) else {
        throw Refusal(404, "\(path) does not exist", code: "EntryNotFound")
      }
      tree = tree.filter { !$0.key.hasPrefix(prefix) }
    }
  }
}
