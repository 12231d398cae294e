import AdapterDaemon
import ArgumentParser
import Foundation
import Logging
import SystemPackage

/// What every command takes.
struct CommonOptions: ParsableArguments {
  @Option(name: .long, help: "The configuration file; else adapterd.toml is searched for (see adapterd.toml(5)).")
  var config: String?

  @Flag(name: .shortAndLong, help: "Say more about what is done.")
  var verbose = false

  var environment: [String: String] { ProcessInfo.processInfo.environment }

  var logLevel: Logger.Level { verbose ? .debug : .info }

  /// - Throws: ``Failure`` 78.
  func load() throws(Failure) -> Configuration {
    do throws(ConfigurationError) {
      return try ConfigurationLoader(environment: environment).load(config.map { FilePath($0) })
    } catch {
      throw Failure(error)
    }
  }
}

/// The absolute path of an argument.
func absolutePath(_ argument: String) -> FilePath {
  let path = FilePath(argument)
  return path.isAbsolute
    ? path.lexicallyNormalized()
    : FilePath(FileManager.default.currentDirectoryPath).pushing(path).lexicallyNormalized()
}
