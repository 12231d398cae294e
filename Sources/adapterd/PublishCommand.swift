import AdapterDaemon
import ArgumentParser
import Bundles
import DownloadTracking
import Foundation
import Kernel
import Logging
import Publishing
import Reports
import SystemPackage

struct PublishCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "publish", abstract: "Bundle and publish an adapter once, now.")

  @OptionGroup var common: CommonOptions

  @Flag(help: "Make the bundle and say what would be published, but publish nothing.")
  var dryRun = false

  @Argument(help: "A training's output directory; else those that the configuration names.")
  var directory: String?

  func run() async throws {
    LogBackend().bootstrap(level: common.verbose ? .debug : .warning)
    let configuration = try common.load()
    let oneShot = OneShot()
    let selections = try await oneShot.select(directory.map(absolutePath), configuration)
    let workspace = try Workspace(configuration, environment: common.environment, logger: Logger(label: "adapterd"))
    // On stderr: what is on stdout is for programs too.
    let meter = ProgressMeter(isTerminal: isatty(STDERR_FILENO) == 1) {
      FileHandle.standardError.write(Data($0.utf8))
    }
    do {
      for selection in selections {
        if dryRun {
          try await preview(selection, oneShot, workspace)
        } else {
          let (publication, bundle) = try await oneShot.publish(
            selection, in: workspace, report: say, onProgress: meter.note)
          meter.finish()
          print(line(publication))
          if let bundle { print(bundle.verdict.summary) }
        }
      }
    } catch {
      meter.finish()
      await workspace.close()
      throw error
    }
    await workspace.close()
  }

  /// What a person in front of it wants to know besides the outcome.
  private func say(_ progress: Publisher.Progress) {
    guard case .waiting(let publication) = progress else { return }
    FileHandle.standardError.write(
      Data("another adapterd is publishing to \(publication.target); waiting for that\n".utf8))
  }

  private func preview(_ selection: OneShot.Selection, _ oneShot: OneShot, _ workspace: Workspace) async throws {
    let directory = workspace.paths.state.appending("dry-run-\(Publication.newID())")
    defer { try? removeTree(directory) }
    let bundle = try await oneShot.bundle(
      selection, at: directory, environment: common.environment, rules: workspace.rules)
    let target = oneShot.target(of: selection, in: workspace)
    print("would publish to \(target) at \(workspace.configuration.endpoint):")
    list(bundle)
  }

  private func line(_ publication: Publication) -> String {
    let commit = publication.commit.map { "@\($0.prefix(7))" } ?? ""
    let reason = publication.reason.map { ": \($0)" } ?? ""
    return "\(publication.status.rawValue) \(publication.target)\(commit)\(reason)"
  }
}
