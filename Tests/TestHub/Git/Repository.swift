import Foundation

/// A repo: branches and tags that name commits, each with a parent and a whole tree.
struct Repository: Sendable {
  struct Commit: Sendable {
    let oid: String
    let parent: String?
    let title: String
    let message: String
    let date: Date
    let tree: [String: Blob]
  }

  var isPrivate: Bool
  private(set) var branches: [String: String] = [:]
  var tags: [String: String] = [:]
  private var known: [String: Commit] = [:]

  /// A new repo has one commit, in which there are the rules for what goes by LFS.
  init(isPrivate: Bool) {
    self.isPrivate = isPrivate
    commit(title: "initial commit", message: "", to: "main") { tree in
      tree[".gitattributes"] = .regular(Array(GitAttributes.initial.utf8))
    }
  }

  /// The commit that a branch, a tag or its own name leads to.
  func commit(_ revision: String) -> Commit? {
    let short = revision.hasPrefix("refs/heads/") ? String(revision.dropFirst("refs/heads/".count)) : revision
    return known[branches[short] ?? tags[revision] ?? revision]
  }

  /// Newest first.
  func history(of revision: String) -> [Commit] {
    var commits: [Commit] = []
    var next = commit(revision)
    while let commit = next {
      commits.append(commit)
      next = commit.parent.flatMap { known[$0] }
    }
    return commits
  }

  /// Puts a commit on a branch, which is made if it is not there.
  ///
  /// - Returns: the commit's name.
  @discardableResult
  mutating func commit(
    title: String, message: String, to branch: String, _ change: (inout [String: Blob]) throws -> Void
  ) rethrows -> String {
    let parent = branches[branch].flatMap { known[$0] }
    var tree = parent?.tree ?? [:]
    try change(&tree)
    // The number keeps two equal commits within a second apart.
    var text = "tree \(hexadecimal(treeName(tree)))\n"
    if let parent { text += "parent \(parent.oid)\n" }
    let date = Date()
    text += "author tester <tester@localhost> \(Int(date.timeIntervalSince1970)) +0000\n"
    text += "committer tester <tester@localhost> \(known.count) +0000\n\n\(title)\n\n\(message)\n"
    let oid = hexadecimal(gitName("commit", Array(text.utf8)))
    known[oid] = Commit(oid: oid, parent: parent?.oid, title: title, message: message, date: date, tree: tree)
    branches[branch] = oid
    return oid
  }

  /// - Returns: whether there was no such branch.
  mutating func addBranch(_ name: String, at oid: String) -> Bool {
    guard branches[name] == nil else { return false }
    branches[name] = oid
    return true
  }

  /// - Returns: whether there was such a branch.
  mutating func removeBranch(_ name: String) -> Bool { branches.removeValue(forKey: name) != nil }
}

/// The name of git's tree object for `files`, whose keys are paths.
func treeName(_ files: [String: Blob]) -> [UInt8] {
  var entries: [(key: String, mode: String, name: String, object: [UInt8])] = []
  var directories: [String: [String: Blob]] = [:]
  for (path, blob) in files {
    if let slash = path.firstIndex(of: "/") {
      directories[String(path[..<slash]), default: [:]][String(path[path.index(after: slash)...])] = blob
    } else {
      entries.append((path, "100644", path, blob.name))
    }
  }
  // Git sorts a directory as if its name ended with a slash.
  for (name, files) in directories { entries.append(("\(name)/", "40000", name, treeName(files))) }
  entries.sort { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
  return gitName("tree", entries.flatMap { Array("\($0.mode) \($0.name)\0".utf8) + $0.object })
}
