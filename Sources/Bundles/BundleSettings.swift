import Adapters
import DownloadTracking

/// What the user's configuration says about a bundle.
package struct BundleSettings: Sendable, Equatable {
  /// When `config.json` is written.
  package enum ConfigJSON: String, Sendable, CaseIterable {
    /// Where it is what the Hub counts: everywhere but for libraries with a rule of their own, PEFT above all.
    case auto
    case always
    case never
  }

  /// The repo, `namespace/name`, that the bundle is for.
  package var repo: String
  package var configJSON: ConfigJSON
  /// Overrides of what was found out; the keys are those of `config.json`.
  package var metadata: JSON.Object
  /// A Mustache template for the model card's text, instead of the built-in one.
  package var cardTemplate: String?

  package init(
    repo: String, configJSON: ConfigJSON = .auto, metadata: JSON.Object = [:], cardTemplate: String? = nil
  ) {
    self.repo = repo
    self.configJSON = configJSON
    self.metadata = metadata
    self.cardTemplate = cardTemplate
  }

  /// The repo's name without its namespace.
  var modelName: String { repo.split(separator: "/").last.map(String.init) ?? repo }
}
