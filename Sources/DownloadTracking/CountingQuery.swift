/// Which files of a repo count as a download, in the language of the Hub's library table (`countDownloads`).
///
/// Source: huggingface.js `packages/tasks/src/model-libraries-downloads.ts`; a subset of Elasticsearch's query strings.
package indirect enum CountingQuery: Sendable, Hashable {
  /// The whole path is this: `path:"adapter_config.json"`.
  case path(String)
  /// The folder with its trailing slash is this, empty at the root: `path_prefix:"unet/"`.
  case pathPrefix(String)
  /// The extension without its dot is this: `path_extension:"nemo"`.
  case pathExtension(String)
  /// The base name without its extension is this: `path_filename:"config"`.
  case pathFilename(String)
  /// The field has a value: `_exists_:"path_prefix"` is "lies in a folder".
  case exists(String)
  case and(CountingQuery, CountingQuery)
  case or(CountingQuery, CountingQuery)
  case not(CountingQuery)

  /// Whether a request for `path` counts.
  ///
  /// - Parameter path: Relative to the repo's root, without a leading slash.
  package func matches(_ path: String) -> Bool {
    let parts = Parts(path)
    return matches(parts)
  }

  private func matches(_ parts: Parts) -> Bool {
    switch self {
    case .path(let value): parts.path == value
    case .pathPrefix(let value): parts.prefix == value
    case .pathExtension(let value): parts.extension == value
    case .pathFilename(let value): parts.filename == value
    case .exists("path"), .exists("path_filename"): true
    case .exists("path_prefix"): !parts.prefix.isEmpty
    case .exists("path_extension"): parts.extension != nil
    case .exists: false
    case .and(let left, let right): left.matches(parts) && right.matches(parts)
    case .or(let left, let right): left.matches(parts) || right.matches(parts)
    case .not(let query): !query.matches(parts)
    }
  }

  private struct Parts {
    let path: String
    let prefix: String
    let filename: String
    let `extension`: String?

    init(_ path: String) {
      self.path = path
      let nameStart = path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex
      prefix = String(path[..<nameStart])
      let name = path[nameStart...]
      if let dot = name.lastIndex(of: "."), dot != name.startIndex {
        filename = String(name[..<dot])
        `extension` = String(name[name.index(after: dot)...])
      } else {
        filename = String(name)
        `extension` = nil
      }
    }
  }
}
