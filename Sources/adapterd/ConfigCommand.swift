import AdapterDaemon
import ArgumentParser
import Kernel

struct ConfigCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Look after the configuration.", subcommands: [Check.self])

  struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "check", abstract: "Read the configuration as the daemon would, and say what is wrong with it.")

    @OptionGroup var common: CommonOptions

    func run() async throws {
      let configuration = try common.load()
      for warning in configuration.warnings { print("warning: \(warning)") }
      for section in configuration.publish {
        print("\(section.outputs.shown) -> \(section.repo) at \(configuration.endpoint)")
      }
      let files = configuration.files.map(\.shown).joined(separator: ", ")
      print("the configuration is good: \(files)")
    }
  }
}
