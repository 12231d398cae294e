import AdapterDaemon
import ArgumentParser
import Foundation
import Logging
import Reports

@main
struct Adapterd: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "adapterd",
    abstract:
      "Publishes LoRA adapters to the Hugging Face Hub as a training writes them, so that downloads are counted.",
    version: Version.current,
    subcommands: [RunCommand.self, BundleCommand.self, PublishCommand.self, HistoryCommand.self, ConfigCommand.self])

  static func main() async {
    // A reader that goes away, of a pipe or of a socket, is an error to be seen where it happens.
    signal(SIGPIPE, SIG_IGN)
    do {
      var command = try parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch let failure as Failure {
      FileHandle.standardError.write(Data("adapterd: \(failure)\n".utf8))
      Foundation.exit(failure.status.rawValue)
    } catch let error as ExitCode {
      Foundation.exit(error.rawValue)
    } catch {
      exit(withError: error)
    }
  }
}
