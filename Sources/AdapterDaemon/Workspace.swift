import Bundles
import DownloadTracking
import Foundation
import Hub
import Kernel
import Logging
import Publishing
import SystemPackage

/// What every command that publishes stands on: the configuration, the state directory, the ledger, the destination.
package struct Workspace: Sendable {
  package let configuration: Configuration
  package let paths: StatePaths
  package let ledger: Ledger
  package let destination: any Destination
  package let rules: CountingRules
  package let cache: BaseModelCache
  /// For the Hub; none for a store.
  package let hub: HubClient?

  /// - Parameters:
  ///   - environment: Where paths and the token are looked for.
  ///   - destination: Another than the configuration's endpoint, if given.
  /// - Throws: ``Failure``: 73 if the state directory cannot be written, 77 without a token, 78 for a bad configuration.
  package init(
    _ configuration: Configuration, environment: [String: String], logger: Logger
  ) throws(Failure) {
    self.configuration = configuration
    paths = StatePaths(environment: environment)
    cache = BaseModelCache(environment: environment)
    rules = try Self.rules(configuration.rules)
    do throws(SystemError) {
      try makeDirectories(paths.state, mode: 0o700)
      try makeDirectories(paths.bundles, mode: 0o700)
    } catch {
      throw Failure(
        .cannotWrite, "the state directory cannot be written: \(error); set STATE_DIRECTORY or mend its permissions")
    }
    ledger = try Self.ledger(at: paths.ledger, logger)
    if let store = configuration.store {
      hub = nil
      destination = StoreDestination(root: store)
    } else {
      let client = try Self.client(configuration, environment, logger)
      hub = client
      destination = HubDestination(client: client)
    }
  }

  /// What takes in the states of `section`'s outputs, reading on `worker`.
  func intake(_ section: PublishSection, _ worker: Worker) -> Intake {
    Intake(
      section: section, endpoint: configuration.endpoint, ledger: ledger, bundles: paths.bundles, cache: cache,
      rules: rules, worker: worker)
  }

  /// Ends the connections to the Hub.
  package func close() async {
    // Nothing is left to be done with a client that does not end.
    try? await hub?.shutdown()
  }

  /// Asks the Hub whose token it is: a refused one is better known before the first adapter than after it.
  ///
  /// - Throws: ``Failure`` 77 if the token is refused.
  /// - Returns: what keeps it from being known, if something does.
  package func checkToken() async throws(Failure) -> String? {
    guard let hub else { return nil }
    do throws(HubError) {
      _ = try await hub.whoami()
      return nil
    } catch {
      guard case .unauthorized = error.kind else { return "\(error)" }
      throw Failure(.tokenRefused, "\(error)")
    }
  }

  private static func client(
    _ configuration: Configuration, _ environment: [String: String], _ logger: Logger
  ) throws(Failure) -> HubClient {
    let token: Token?
    do throws(ConfigurationError) {
      token = try TokenSource(environment: environment).token(file: configuration.tokenFile)
    } catch {
      throw Failure(.badConfiguration, "\(error)")
    }
    guard let token else {
      throw Failure(
        .tokenRefused,
        "no Hub token found: looked at token_file, $CREDENTIALS_DIRECTORY/hf-token, HF_TOKEN, HF_TOKEN_PATH and $HF_HOME/token; make a write token at \(configuration.endpoint)/settings/tokens and put it in a file that token_file names"
      )
    }
    let network: Network
    do throws(Network.Invalid) {
      network = try Network(environment: environment, caFile: configuration.caFile)
    } catch {
      throw Failure(.badConfiguration, "\(error)")
    }
    do {
      return HubClient(
        endpoint: try Endpoint(parsing: configuration.endpoint), token: token, userAgent: "adapterd/\(Version.current)",
        network: network, logger: logger)
    } catch {
      throw Failure(.badConfiguration, "endpoint: \(error)")
    }
  }

  private static func rules(_ file: FilePath?) throws(Failure) -> CountingRules {
    guard let file else { return .builtIn }
    do {
      return try CountingRules(table: Data(contentsOf: URL(filePath: file.string)))
    } catch {
      throw Failure(
        .badConfiguration, "rules = \"\(file.shown)\" cannot be read as a table of counting rules: \(error)")
    }
  }

  /// A ledger that is damaged is moved aside: what it knew is found out again from the destination, which keeps anything
  /// from being published twice. One that cannot be opened for another reason, such as a full disk, is left alone.
  private static func ledger(at path: FilePath, _ logger: Logger) throws(Failure) -> Ledger {
    do {
      return try Ledger(at: path)
    } catch let first as Ledger.Damaged {
      let aside = FilePath(bytes: path.bytes + Array(".broken-\(Int(Date().timeIntervalSince1970))".utf8))
      do {
        try rename(path, to: aside, replacing: true)
        for suffix in ["-wal", "-shm"] { try removeTree(FilePath(bytes: path.bytes + Array(suffix.utf8))) }
        let ledger = try Ledger(at: path)
        logger.error("the ledger is damaged (\(first)) and was moved to \(aside.shown); a new one is begun")
        return ledger
      } catch {
        throw Failure(.cannotWrite, "the ledger \(path.shown) is damaged (\(first)) and cannot be replaced: \(error)")
      }
    } catch {
      throw Failure(.cannotWrite, "the ledger \(path.shown) cannot be opened: \(error)")
    }
  }
}

/// The program's version.
package enum Version {
  package static let current = "0.1.0"
}
