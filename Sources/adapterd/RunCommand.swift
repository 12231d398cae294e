import AdapterDaemon
import ArgumentParser
import CLinux
import Foundation
import Logging
import Reports
import ServiceLifecycle
import UnixSignals

struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Watch and publish, in the foreground, until stopped.")

  @OptionGroup var common: CommonOptions

  func run() async throws {
    LogBackend().bootstrap(level: common.logLevel)
    let logger = Logger(label: "adapterd")
    lowerPriority()
    let daemon = Daemon(environment: common.environment, logger: logger, load: common.load)
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: [
          .init(
            service: daemon, successTerminationBehavior: .gracefullyShutdownGroup,
            failureTerminationBehavior: .cancelGroup)
        ], gracefulShutdownSignals: [.sigterm, .sigint],
        logger: Logger(label: "lifecycle") { _ in SwiftLogNoOpLogHandler() }))
    try await group.run()
  }

  /// The training comes first, also where no unit says so: setpriority(2), ioprio_set(2).
  private func lowerPriority() {
    _ = setpriority(__priority_which_t(UInt32(PRIO_PROCESS.rawValue)), 0, 10)
    _ = clinux_ioprio_set_self(3, 7)
  }
}
