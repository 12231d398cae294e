import Adapters
import Foundation
import SystemPackage

/// What the local Hub cache knows of a base model: nothing is downloaded for it, that would count.
///
/// Layout: `models--org--name/{refs,snapshots}` below `HF_HUB_CACHE`, `$HF_HOME/hub` or `~/.cache/huggingface/hub`.
package struct BaseModelCache: Sendable {
  private let directory: FilePath?

  /// - Parameter environment: Where the cache is looked for.
  package init(environment: [String: String]) {
    if let cache = environment["HF_HUB_CACHE"], !cache.isEmpty {
      directory = FilePath(cache)
    } else if let home = environment["HF_HOME"], !home.isEmpty {
      directory = FilePath(home).appending("hub")
    } else if let cache = environment["XDG_CACHE_HOME"], !cache.isEmpty {
      directory = FilePath(cache).appending("huggingface/hub")
    } else {
      directory = environment["HOME"].map { FilePath($0).appending(".cache/huggingface/hub") }
    }
  }

  /// What a cached snapshot says of a model.
  struct Model: Sendable, Equatable {
    /// `model_type` of its config.json.
    var modelType: String?
    /// `base_model` of its card: what it was itself converted or quantized from.
    var reference: String?
    /// `license` of its card.
    var license: String?
  }

  /// - Parameter id: `namespace/name`.
  func model(_ id: String) -> Model? {
    guard let directory, LocalPaths.isHubID(id) else { return nil }
    let folder = directory.appending("models--" + id.split(separator: "/").joined(separator: "--"))
    guard let reference = text(folder.appending("refs/main")) else { return nil }
    let commit = reference.trimmingCharacters(in: .whitespacesAndNewlines)
    guard !commit.isEmpty, commit.allSatisfy(\.isHexDigit) else { return nil }
    let snapshot = folder.appending("snapshots").appending(commit)
    var model = Model()
    if let config = text(snapshot.appending("config.json")) {
      model.modelType = (try? JSON(parsing: config.utf8))?["model_type"]?.string
    }
    if let card = text(snapshot.appending("README.md")), let matter = try? FrontMatter(parsing: card) {
      model.reference = matter.strings("base_model").first { LocalPaths.isHubID($0) }
      model.license = matter.strings("license").first
    }
    return model
  }

  private func text(_ path: FilePath) -> String? {
    guard let data = FileManager.default.contents(atPath: path.string), data.count < 1 << 22 else { return nil }
    return String(data: data, encoding: .utf8)
  }
}
