import Durability
import Foundation
import Monitoring
import Recurrence
import Tokenization
import ZeroMQ

/// A pipeline as its file says it, with every default filled in; nothing has been opened yet.
package struct PipelineFile: Sendable, Equatable {
  package var path: String
  package var name: String
  package var ingress: String
  package var tokenizer: TokenizerSection
  /// Model file, relative paths already joined to the pipeline file's folder.
  package var model: String
  /// The hash that the model must have, 64 hexadecimal digits; nil for any.
  package var sha256: String?
  package var inference = InferenceSection()
  /// The number format of the recurrent layers.
  package var precision = Precision.f32
  package var emit = Emission.eachStep
  /// A second model that generates from the state in which END leaves the first.
  package var decoder: DecoderSection?
  package var labels: String?
  /// How the model's outputs are brought back to the units of its targets.
  package var output: OutputSection?
  /// How unlikely each value is beside the forecast before it.
  package var anomaly: AnomalySection?
  /// How many classes a line names.
  package var top = 3
  package var sink = SinkSection()
  /// ROUTER endpoint for looking at streams and moving them; nil for none.
  package var control: String?
  /// XPUB endpoint of the taps; nil for none.
  package var monitor: String?
  /// Where metrics, health and the page are served; nil for nowhere.
  package var http: HTTPAddress?
  /// A file for the spans of messages that are traced; nil for none.
  package var traces: String?
  package var links: LinksSection?
  /// h and c are zeroed after so many steps, for models trained on windows; nil for never.
  package var resetEvery: Int?
  /// The last inputs of each stream that are kept, for a model swap that replays them; 0 for none.
  package var rewarmSteps = 0
  /// A stream that nobody has sent to for so long ends; nil for never.
  package var expireMilliseconds: UInt64?
  /// Which checkpoints can be rewound to; nil for none.
  package var keep: KeepSection?
  /// What a crash leaves; nil where state is in memory only.
  package var store: StoreSection?
  /// Keys of the endpoints; nil where nothing is encrypted.
  package var curve: CurveSection?
  package var plaintext = PlaintextAllowance()
  /// Connections of one kind of endpoint.
  package var connections = Limits.connections
  /// Prefixes that are subscribed to at one endpoint.
  package var subscriptions = Limits.subscriptions
  /// Live streams with state in memory.
  package var liveStreams = Limits.liveStreams
  /// Open streams in all, with a store: those that are parked count.
  package var streams = Limits.streams
  /// What becomes of data that comes while a worker has all the steps that it may have.
  package var onFull = OnFull.wait
  /// Steps of one sequence, from START or RESET on; nil for any number.
  package var maxSteps: Int?

  /// Where a key stood, for errors found after reading.
  package var marks: [String: ConfigurationError] = [:]

  package enum OnFull: String, CaseIterable, Sendable {
    /// It is not read until there is room; its sender waits for credit.
    case wait
    /// It is refused `over-limit`, and may be sent again.
    case refuse
  }

  package struct InferenceSection: Sendable, Equatable {
    /// Threads with sockets of their own; a stream always belongs to the same one.
    package var workers = 1
    /// Streams stepped together.
    package var batch = 64
    /// How long a step may wait for others to share its batch, in microseconds.
    package var linger = 0
  }

  package struct StoreSection: Sendable, Equatable {
    /// The SQLite file, relative to the working folder.
    package var path: String
    package var durability = Durability.fsync
    /// Between two checkpoints of a stream that goes on.
    package var checkpointMilliseconds: UInt64 = 1000
    /// A stream that has been idle for so long leaves memory; nil for never.
    package var parkMilliseconds: UInt64?
    /// Whether states in bf16 may go on with other step kernels than they were made with.
    package var takesOtherKernels = false
    /// How long output lines are kept for readers who come late; nil for not at all.
    package var historyMilliseconds: UInt64?
  }

  /// `state: { keep: N }`.
  package struct KeepSection: Sendable, Equatable {
    /// Of each stream.
    package var count: Int
    /// Between two checkpoints of a stream that goes on.
    package var everyMilliseconds: UInt64
  }

  package struct SinkSection: Sendable, Equatable {
    package enum Format: String, CaseIterable, Sendable {
      case json
      case tensor
    }

    /// PUB endpoint of the output; nil for none.
    package var publish: String?
    package var format = Format.json
    /// Output lines are appended to this file; nil for none.
    package var file: String?
    package var reply = true
    /// Whether lines carry the raw output vector.
    package var values = false
    /// When answers raise an alarm; nil for never.
    package var alarm: AlarmRule?
  }

  /// Endpoints between stages that run in processes of their own.
  package struct LinksSection: Sendable, Equatable {
    package var tokens: String
    package var answers: String
    /// Public keys of the inference and of the sink process, where they have pairs of their own.
    package var tokensKey: CurveKey?
    package var answersKey: CurveKey?
  }

  /// Whether the sink can write where the file says; filters never open that file.
  ///
  /// - Throws: a `ConfigurationError` for a folder that is missing or must not be written to.
  package func checkOutput() throws(ConfigurationError) {
    guard let path = sink.file, path != "-" else { return }
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    var status = stat()
    let exists = stat(path, &status) == 0
    let target = exists ? path : folder
    if exists, status.st_mode & S_IFMT == S_IFDIR {
      throw error(at: "sink", "writes to the file \(path), which is a folder")
    }
    guard access(target, W_OK) == 0 else {
      throw error(
        at: "sink",
        "writes to the file \(path), but \(target) "
          + (errno == ENOENT ? "does not exist; make that folder" : "may not be written to"))
    }
  }

  /// An error at the place of a key.
  package func error(at key: String, _ message: String) -> ConfigurationError {
    var error = marks[key] ?? ConfigurationError(file: path, message: "")
    error.message = "\"\(key)\" \(message)"
    return error
  }
}

/// When an answer is given.
package enum Emission: Sendable, Equatable {
  case eachStep
  case atEnd
  /// Each time so many steps have been taken since the last answer.
  case every(Int)
  /// None before END; behind it each answer is fed back as the next input.
  case generate(GenerationSection)
}
