import Durability
import ModelFiles
import Monitoring
import Tokenization
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
  /// The daemon does not let us in.
  case notLetIn = 77
  case badConfiguration = 78

  package init(_ error: any Error) {
    switch error {
    case is ConfigurationError, is KeyFile.Failure, is ModelShelf.Refusal: self = .badConfiguration
    case Filter.Failure.notLetIn: self = .notLetIn
    case ModelFileError.missing, ModelFileError.refused(_, isMissing: true),
      TextFile.Failure.missing:
      self = .missingFile
    case TextFile.Failure.unreadable: self = .inputOutput
    case is ModelFileError, is TextFile.Failure, is BadLine, is SimilarTokens.Failure,
      is VocabularyError, is JSONError, is TapFormat.NotNumbers:
      self = .badData
    case Filter.Failure.noAnswer, Filter.Failure.cutOff, Filter.Failure.noControl,
      Filter.Failure.noIngress, is EndpointFailure, is HistoryRefused, is RecordRun.Unserved:
      self = .unreachable
    case let error as ZeroMQError: self = error.isPeerTrouble ? .unreachable : .inputOutput
    case is LineWriter.Failure, is FileFailure, is FileTracer.Failure: self = .inputOutput
    case let error as StoreError: self = ExitStatus(error)
    case let error as StreamMove.Failure: self = error.isPassing ? .unreachable : .badData
    case let error as ControlAnswer.Refused:
      self = ExitStatus(code: error.code)
    default: self = .bug
    }
  }
}

extension ExitStatus {
  /// Of what a control socket refused.
  private init(code: String) {
    self =
      switch code {
      case "busy", "stopping": .unreachable
      case "no-file": .missingFile
      default: .badData
      }
  }

  private init(_ error: StoreError) {
    switch error {
    case .cannotOpen, .failed: self = .inputOutput
    case .locked: self = .unreachable
    case .newerVersion, .damaged: self = .badData
    case .otherOwner: self = .badConfiguration
    }
  }
}

extension ZeroMQError {
  /// Whether the endpoint is at fault: taken, not ours, or of no known kind.
  var isPeerTrouble: Bool { function == "zmq_bind" || function == "zmq_connect" }
}
