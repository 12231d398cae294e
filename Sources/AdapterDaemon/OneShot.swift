import Adapters
import Bundles
import DownloadTracking
import Foundation
import Kernel
import Publishing
import SystemPackage

/// Makes a bundle, or publishes one, once and now: what `adapterd bundle` and `adapterd publish` do.
package struct OneShot: Sendable {
  /// A state that was found, and the section that says where it goes.
  package struct Selection: Sendable {
    package let state: AdapterState
    package let section: PublishSection
  }

  private let worker = Worker("one shot")

  package init() {}

  /// The newest whole state of each section's outputs, or of the one adapter in `directory`.
  ///
  /// - Parameters:
  ///   - directory: A run, or any directory of one; `nil` for all that the configuration names.
  ///   - configuration: `nil` where none is needed: then the repo's name is the directory's.
  /// - Throws: ``Failure``: 65 for what is no whole adapter, 66 for what is not there or cannot be read.
  package func select(_ directory: FilePath?, _ configuration: Configuration?) async throws(Failure) -> [Selection] {
    guard let directory else {
      var selections: [Selection] = []
      for section in configuration?.publish ?? [] { selections += try await newest(of: section.outputs, section) }
      return selections
    }
    let section = configuration?.publish.first { directory.starts(with: $0.outputs) }
    if let section { return try await newest(of: directory, section) }
    var own = configuration?.publish.first ?? PublishSection(outputs: directory, repo: "local/{directory}")
    own.outputs = directory
    // Outside every section's tree only what is in the directory counts, under the name that the first section gives.
    return try await newest(of: directory, own)
  }

  private func newest(of directory: FilePath, _ section: PublishSection) async throws(Failure) -> [Selection] {
    do {
      let worker = self.worker
      return try await worker.run {
        let reader = AdapterReader(outputs: section.outputs)
        let readings = try Self.runs(below: directory, reader).map { try reader.read(run: $0) }
        let states = readings.compactMap { reading in
          reading.states.first { state in !reading.incomplete.contains { $0.directory == state.directory } }
            ?? reading.states.first
        }
        if !states.isEmpty { return states.map { Selection(state: $0, section: section) } }
        let reasons =
          readings.flatMap { $0.refusals.map { "\($0.file.shown): \($0.reason)" } }
          + readings.flatMap { $0.incomplete.map { "\($0.directory.shown): \($0.reason)" } }
        throw Failure(
          .badAdapter,
          reasons.isEmpty
            ? "no adapter in \(directory.shown): there is no adapters.safetensors and no adapter_model.safetensors"
            : reasons.joined(separator: "\n"))
      }
    } catch let failure as Failure {
      throw failure
    } catch {
      throw Failure(.noInput, "\(error)")
    }
  }

  /// The runs in `directory` and below it. Blocks.
  private static func runs(below directory: FilePath, _ reader: AdapterReader) throws(SystemError) -> [FilePath] {
    var runs: [FilePath] = []
    func visit(_ directory: FilePath, depth: Int) throws(SystemError) {
      let run = reader.run(of: directory)
      if !runs.contains(run) { runs.append(run) }
      guard depth < 16 else { return }
      for name in try names(in: directory) where !name.shown.hasPrefix(".") {
        let path = directory.appending(name)
        if (try? FileIdentity(of: path))?.isDirectory == true { try visit(path, depth: depth + 1) }
      }
    }
    try visit(directory, depth: 0)
    return runs
  }

  /// Makes the bundle of `selection` in the place of whatever is at `destination`.
  ///
  /// - Throws: ``Failure``: 65, 66 or 73.
  package func bundle(
    _ selection: Selection, at destination: FilePath, environment: [String: String], rules: CountingRules
  ) async throws(Failure) -> AdapterBundle {
    do {
      let worker = self.worker
      return try await worker.run {
        let section = selection.section
        let settings = try section.bundleSettings(repo: section.repo(of: selection.state.run))
        let builder = BundleBuilder(
          outputs: section.outputs, cache: BaseModelCache(environment: environment), rules: rules)
        let staged = FilePath(bytes: destination.bytes + Array(".staged".utf8))
        do throws(SystemError) { try removeTree(staged) } catch { throw BundleError.unwritable(error) }
        let bundle = try builder.build(selection.state, settings: settings, at: staged)
        do throws(SystemError) {
          try BundleKeeper(at: destination).keep(bundle)
          try removeTree(staged)
        } catch {
          throw BundleError.unwritable(error)
        }
        return bundle
      }
    } catch let error as BundleError {
      throw Failure(error)
    } catch {
      throw Failure(.cannotWrite, "\(error)")
    }
  }

  /// Where `selection` goes.
  package func target(of selection: Selection, in workspace: Workspace) -> PublishTarget {
    workspace.intake(selection.section, worker).target(of: selection.state.run)
  }

  /// Publishes `selection` now, whatever the interval between commits, through the same ledger as the daemon.
  ///
  /// - Parameters:
  ///   - report: Is told what happens.
  ///   - onProgress: Is told how much has gone.
  /// - Returns: the ledger's row, and the bundle if one was made.
  /// - Throws: ``Failure``: 65, 66, 69, 73, 75 or 77.
  package func publish(
    _ selection: Selection, in workspace: Workspace, report: @escaping @Sendable (Publisher.Progress) -> Void,
    onProgress: @escaping @Sendable (TransferProgress) -> Void
  ) async throws(Failure) -> (Publication, AdapterBundle?) {
    do {
      let intake = workspace.intake(selection.section, worker)
      let publisher = Publisher(
        ledger: workspace.ledger, destination: workspace.destination, bundles: workspace.paths.bundles,
        locks: workspace.paths.locks, report: report)
      let publication: Publication
      var bundle: AdapterBundle?
      switch try await intake.take(selection.state) {
      case .unchanged(let row), .superseded(let row): return (row, nil)
      case .uncounted(_, let verdict):
        throw Failure(.badAdapter, "not published: \(verdict.summary); publish_uncounted = false")
      case .queued(let row, let made, _):
        publication = row
        bundle = made
      case .waiting(let row): publication = row
      }
      let (result, error) = try await publisher.publish(
        publication, policy: intake.policy, onProgress: onProgress)
      if let error { throw Failure(error) }
      return (result, bundle)
    } catch let failure as Failure {
      throw failure
    } catch let error as BundleError {
      throw Failure(error)
    } catch {
      throw Failure(.cannotWrite, "\(error)")
    }
  }
}

extension Failure {
  init(_ error: BundleError) {
    let status: ExitStatus =
      switch error {
      case .changed: .tryAgain
      case .vanished, .unreadable: .noInput
      case .unwritable: .cannotWrite
      case .invalid: .badAdapter
      }
    self.init(status, "\(error)")
  }

  init(_ error: DestinationError) {
    let status: ExitStatus =
      switch error {
      case .temporary: .unavailable
      case .unauthorized: .tokenRefused
      case .refused: .unavailable
      case .unwritable: .cannotWrite
      }
    self.init(status, "\(error)")
  }
}
