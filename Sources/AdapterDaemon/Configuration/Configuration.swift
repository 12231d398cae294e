import Adapters
import Bundles
import Publishing
import SystemPackage

/// All that the user says, once the files and the environment are merged: an immutable value, replaced as a whole.
package struct Configuration: Sendable, Equatable {
  /// `https://…`, `http://` on loopback, or `file:///…`.
  package var endpoint: String
  package var tokenFile: FilePath?
  /// Certificates that are believed besides the machine's own.
  package var caFile: FilePath?
  /// A newer table of counting rules than the built-in one.
  package var rules: FilePath?
  /// How often to ask for the download figures; zero: never.
  package var downloadsInterval: Duration = .seconds(6 * 3600)
  /// `host:port` of the metrics listener.
  package var metricsListen: String?
  package var publish: [PublishSection] = []
  /// The files that it was read from, in order.
  package var files: [FilePath] = []
}

/// One `[[publish]]` section: what is watched, and where it goes.
package struct PublishSection: Sendable, Equatable {
  /// Which states are published.
  package enum When: String, Sendable, CaseIterable {
    case every, final
  }

  /// How changes are noticed.
  package enum Watch: String, Sendable, CaseIterable {
    case auto, inotify, poll
  }

  /// Absolute.
  package var outputs: FilePath
  /// `namespace/name`, with `{directory}` and `{path}` still in it.
  package var repo: String
  package var revision = "main"
  package var isPrivate = true
  package var create = true
  package var when = When.every
  package var minimumInterval: Duration = .seconds(60)
  package var tag: TagTemplate?
  package var settle: Duration = .seconds(2)
  package var configJSON = BundleSettings.ConfigJSON.auto
  package var watch = Watch.auto
  package var exclude: [String] = []
  /// Where the newest bundle is also kept; absolute.
  package var bundle: FilePath?
  /// A Mustache template for the model card; absolute.
  package var card: FilePath?
  package var publishUncounted = true
  package var onPublished: [String] = []
  package var onFailed: [String] = []
  /// Keys of `config.json` that override what was found out.
  package var metadata: JSON.Object = [:]

  package init(outputs: FilePath, repo: String) {
    self.outputs = outputs
    self.repo = repo
  }
}

extension Configuration {
  /// The directory of the store, if the endpoint is one.
  package var store: FilePath? {
    endpoint.hasPrefix("file://") ? FilePath(String(endpoint.dropFirst("file://".count))) : nil
  }

  /// What is well-formed but will not do what one may expect.
  package var warnings: [String] {
    var warnings: [String] = []
    if metricsListen != nil { warnings.append("[metrics] has no effect in this version") }
    for section in publish {
      let place = "[[publish]] of \(section.repo)"
      if !section.onPublished.isEmpty { warnings.append("on_published in \(place) has no effect in this version") }
      if !section.onFailed.isEmpty { warnings.append("on_failed in \(place) has no effect in this version") }
      if section.configJSON == .never {
        warnings.append("config_json = \"never\" in \(place): downloads of MLX adapters will not be counted")
      }
    }
    return warnings
  }
}
