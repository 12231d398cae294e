import AdapterDaemon
import Adapters
import ArgumentParser
import DownloadTracking
import Foundation
import Kernel
import SystemPackage

struct BundleCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bundle", abstract: "Make the bundle of an adapter once, and list its files.")

  @OptionGroup var common: CommonOptions

  @Option(help: "Where to put it; else the section's `bundle`, else ./hf_bundle.")
  var into: String?

  @Argument(help: "A training's output directory; else those that the configuration names.")
  var directory: String?

  func run() async throws {
    let configuration = try configuration()
    let oneShot = OneShot()
    let selections = try await oneShot.select(directory.map(absolutePath), configuration)
    for selection in selections {
      var destination = into.map(absolutePath) ?? selection.section.bundle ?? absolutePath("hf_bundle")
      if selections.count > 1, let name = selection.state.run.lastComponent { destination.append(name) }
      let bundle = try await oneShot.bundle(
        selection, at: destination, environment: common.environment, rules: .builtIn)
      print(destination.shown)
      list(bundle)
    }
  }

  /// Without a configuration a named directory is enough.
  private func configuration() throws(Failure) -> Configuration? {
    guard directory != nil, common.config == nil else { return try common.load() }
    do throws(Failure) {
      return try common.load()
    } catch {
      let loader = ConfigurationLoader(environment: common.environment)
      let isThere = loader.searchPath.contains { FileManager.default.fileExists(atPath: $0.string) }
      if isThere { throw error }
      return nil
    }
  }
}
