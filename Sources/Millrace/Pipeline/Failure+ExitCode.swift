import ModelFiles
import Wire
import ZeroMQ

/// What a command that failed exits with, as `sysexits.h` has it.
package enum ExitStatus: Int32, Sendable {
  /// A test or comparison said no.
  case verdict = 1
  case badData = 65
  case missingFile = 66
  case unreachable = 69
  case bug = 70
  case inputOutput = 74
  case badConfiguration = 78

  package init(_ error: any Error) {
    switch error {
    case is ConfigurationError: self = .badConfiguration
    case ModelFileError.missing: self = .missingFile
    case is ModelFileError, is RecordedStep.BadLine, is SimilarTokens.Failure, is JSONError:
      self = .badData
    case Filter.Failure.noAnswer: self = .unreachable
    case let error as ZeroMQError: self = error.isPeerTrouble ? .unreachable : .inputOutput
    case is LineWriter.Failure, is FileFailure: self = .inputOutput
    default: self = .bug
    }
  }
}

extension ZeroMQError {
  /// Whether the endpoint is at fault: taken, not ours, or of no known kind.
  var isPeerTrouble: Bool { function == "zmq_bind" || function == "zmq_connect" }
}

/// A file that cannot be read or written.
package struct FileFailure: Error, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }
}
