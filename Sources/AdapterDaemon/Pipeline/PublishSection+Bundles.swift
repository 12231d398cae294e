import Adapters
import Bundles
import Foundation
import Kernel
import SystemPackage

extension PublishSection {
  /// The repo that a state of `run` goes to.
  func repo(of run: FilePath) -> String {
    let reader = AdapterReader(outputs: outputs)
    return RepoTemplate(text: repo).repo(directory: reader.name(of: run), path: reader.path(of: run))
  }

  /// What a bundle for `repo` is made with. Blocks.
  ///
  /// - Throws: ``BundleError/invalid(file:reason:)`` if the card template cannot be read.
  func bundleSettings(repo: String) throws(BundleError) -> BundleSettings {
    var settings = BundleSettings(repo: repo, configJSON: configJSON, metadata: metadata)
    if let card {
      guard let data = FileManager.default.contents(atPath: card.string) else {
        throw .invalid(file: card.shown, reason: "the card template cannot be read")
      }
      settings.cardTemplate = String(decoding: data, as: UTF8.self)
    }
    return settings
  }
}
