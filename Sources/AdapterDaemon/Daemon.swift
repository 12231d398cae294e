import Bundles
import Foundation
import Glibc
import Kernel
import Logging
import Publishing
import Reports
import ServiceLifecycle
import Synchronization
import SystemPackage
import UnixSignals

/// The daemon: watches, publishes and reports until it is told to stop.
package struct Daemon: Service {
  private let load: @Sendable () throws(Failure) -> Configuration
  private let environment: [String: String]
  private let logger: Logger

  /// - Parameters:
  ///   - environment: Where paths and the token are looked for.
  ///   - load: Reads the configuration; again at each reload.
  package init(
    environment: [String: String], logger: Logger, load: @escaping @Sendable () throws(Failure) -> Configuration
  ) {
    self.environment = environment
    self.logger = logger
    self.load = load
  }

  /// - Throws: ``Failure`` if it cannot begin, or not go on.
  package func run() async throws {
    let service = ServiceManager(logger: logger)
    let reporter = Reporter(logger: logger, service: service)
    var configuration = try load()
    let paths = StatePaths(environment: environment)
    let lock = try Self.lock(paths)
    var isFirst = true
    while true {
      let generation: Generation
      do throws(Failure) {
        generation = try await self.generation(configuration, service: service, reporter: reporter)
      } catch {
        service.stopping(status: "\(error)")
        throw error
      }
      for warning in configuration.warnings { logger.warning("\(warning)") }
      if isFirst { try await generation.sweep() }
      let ending = try await run(generation, service: service, reporter: reporter)
      await generation.workspace.close()
      switch ending {
      case .stop:
        logger.info("stopped")
        lock.release()
        return
      case .reload(let next):
        configuration = next
        isFirst = false
      case .none:
        break
      }
    }
  }

  private func generation(
    _ configuration: Configuration, service: ServiceManager, reporter: Reporter
  ) async throws(Failure) -> Generation {
    let workspace = try Workspace(configuration, environment: environment, logger: logger)
    let generation: Generation
    do throws(Failure) {
      generation = try Generation(workspace, reporter: reporter, watchdog: Watchdog(service))
      if let problem = try await workspace.checkToken() {
        logger.warning("the token could not be checked yet: \(problem)")
      }
    } catch {
      await workspace.close()
      throw error
    }
    return generation
  }

  private enum Ending: Sendable {
    case stop
    case reload(Configuration)
    /// Something ended that others go on without.
    case none
  }

  /// Runs one generation until it has to stop or a new configuration takes its place.
  private func run(_ generation: Generation, service: ServiceManager, reporter: Reporter) async throws -> Ending {
    try await withThrowingTaskGroup(of: Ending.self) { group in
      group.addTask {
        try await generation.run()
        return .stop
      }
      group.addTask {
        await generation.waitUntilReady()
        guard !Task.isCancelled else { return .none }
        service.ready(status: reporter.statusLine)
        logger.info("\(reporter.statusLine)")
        return .none
      }
      group.addTask {
        await reload(service: service, reporter: reporter).map { .reload($0) } ?? .none
      }
      group.addTask {
        do {
          try await gracefulShutdown()
        } catch {
          return .none
        }
        // Whoever asks twice does not want to wait for a commit in flight; what became of it is found out at the next start.
        let again = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        logger.info("stopping")
        service.stopping(status: "stopping")
        generation.stop(atOnce: true, service)
        for await second in again { Self.end(by: second) }
        return .none
      }
      var ending = Ending.stop
      while let next = try await group.next() {
        switch next {
        case .none: continue
        case .reload:
          ending = next
          generation.stop(atOnce: false, service)
        case .stop: group.cancelAll()
        }
      }
      return ending
    }
  }

  /// Waits for a reload that brings a good configuration; a bad one leaves the old one running.
  private func reload(service: ServiceManager, reporter: Reporter) async -> Configuration? {
    for await _ in await UnixSignalsSequence(trapping: .sighup) {
      service.reloading()
      do throws(Failure) {
        let configuration = try load()
        logger.report(.configReloaded, level: .notice, "the configuration was read again")
        return configuration
      } catch {
        logger.report(
          .configReloaded, level: .error, "the configuration is not taken over, the old one goes on: \(error)",
          EventFields(error: "\(error)"))
        service.ready(status: reporter.statusLine)
      }
    }
    return nil
  }

  /// Ends the process as the signal would that is handled here.
  private static func end(by second: UnixSignal) {
    let number = second == .sigint ? SIGINT : SIGTERM
    signal(number, SIG_DFL)
    var mask = sigset_t()
    sigemptyset(&mask)
    sigaddset(&mask, number)
    pthread_sigmask(SIG_UNBLOCK, &mask, nil)
    raise(number)
  }

  private static func lock(_ paths: StatePaths) throws(Failure) -> FileLock {
    do throws(SystemError) {
      return try FileLock(at: paths.state.appending("daemon.lock"), waiting: false)
    } catch {
      if error.errno == .wouldBlock {
        throw Failure(.tryAgain, "another adapterd runs with the state directory \(paths.state.shown)")
      }
      throw Failure(.cannotWrite, "the state directory cannot be written: \(error)")
    }
  }
}
