/// Exit codes as sysexits.h has them, and 1 for "the answer is no".
package enum ExitStatus: Int32, Sendable {
  case done = 0
  case no = 1
  case usage = 64
  case badAdapter = 65
  case noInput = 66
  case unavailable = 69
  case cannotWrite = 73
  case tryAgain = 75
  case tokenRefused = 77
  case badConfiguration = 78
}

/// Why a command ends, in words for stderr, and with which code.
package struct Failure: Error, Sendable, Equatable, CustomStringConvertible {
  package let status: ExitStatus
  package let description: String

  package init(_ status: ExitStatus, _ description: String) {
    self.status = status
    self.description = description
  }
}

extension Failure {
  package init(_ error: ConfigurationError) {
    self.init(.badConfiguration, "\(error)")
  }
}
