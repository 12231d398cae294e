import Foundation
import Hummingbird

private struct PreuploadRequest: Decodable {
  struct File: Decodable {
    let path: String
    let sample: String
    let size: Int64
  }
  let files: [File]
  let gitIgnore: String?
  let gitAttributes: String?
}

extension Core {
  func addPreupload(to router: Router<HubContext>) {
    router.post("api/models/:namespace/:name/preupload/:revision") { request, context in
      let (_, _, commit) = try self.commit(context)
      try context.requireWriter()
      let asked = try await request.decode(PreuploadRequest.self)
      guard asked.files.count <= 256 else { throw Refusal(400, "\"files\" must contain at most 256 items") }
      let attributes = asked.gitAttributes.map(GitAttributes.init) ?? GitAttributes(of: commit.tree)
      let ignore = GitIgnore(asked.gitIgnore ?? text(of: ".gitignore", in: commit.tree) ?? "")
      let files = try asked.files.map { file in
        guard let sample = Data(base64Encoded: file.sample), sample.count == min(file.size, 512) else {
          throw Refusal(400, "\"sample\" of \(file.path) must be the file's first 512 bytes in base64")
        }
        let isLFS = attributes.isLFS(file.path) || file.size > regularLimit || isBinary([UInt8](sample))
        var answer: [String: Any] = [
          "path": file.path, "uploadMode": isLFS ? "lfs" : "regular", "shouldIgnore": ignore.ignores(file.path),
        ]
        answer["oid"] = commit.tree[file.path]?.identity
        return answer
      }
      return try json(["files": files, "commitOid": commit.oid])
    }
  }
}

/// What is longer cannot be in git itself.
let regularLimit: Int64 = 10 * 1024 * 1024

/// A null byte or what is no UTF-8; the sample may end within a character.
func isBinary(_ sample: [UInt8]) -> Bool {
  if sample.contains(0) { return true }
  return (0...3).allSatisfy { cut in
    String(validating: sample.dropLast(sample.count < 512 ? 0 : cut), as: UTF8.self) == nil
  }
}
