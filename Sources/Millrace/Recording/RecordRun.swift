import UnixSignals
import Wire
import ZeroMQ

/// `millrace record`: captures what comes to a running daemon, and what it answers.
package struct RecordRun: Sendable {
  package struct Options: Sendable {
    /// Of the daemon's taps, one or one a process, with keys for those that are encrypted.
    package var endpoints: [(endpoint: String, keys: CurveClientKeys?)]
    package var streams: [StreamPattern]
    /// Ends after so many messages of input.
    package var limit: UInt64?
    /// Ends when so many lives have ended.
    package var ended: Int?
    /// Ends after so much time.
    package var seconds: Double?
    /// Whether each step is answered as it is taken.
    var answersEachStep: Bool

    /// `pipeline` is what the daemon runs.
    package init(
      pipeline: Pipeline, endpoints: [(endpoint: String, keys: CurveClientKeys?)],
      streams: [StreamPattern], limit: UInt64?, ended: Int?, seconds: Double?
    ) {
      self.endpoints = endpoints
      self.streams = streams
      self.limit = limit
      self.ended = ended
      self.seconds = seconds
      answersEachStep =
        pipeline.file.emit == .eachStep && pipeline.model.model.shape.answersEachStep
    }
  }

  /// It ended before anybody served the taps.
  package struct Unserved: Error, CustomStringConvertible {
    let endpoint: String

    package var description: String {
      "nothing was recorded: nobody serves \(endpoint); start the daemon with this monitor first"
    }
  }

  package struct Summary: Sendable {
    package var streams: Int
    /// Lives that began and ended within the recording.
    package var ended: Int
    package var messages: UInt64
    package var answers: UInt64
    /// Streams that had begun before and did not begin anew.
    package var passedOver: Int
    package var lost: UInt64
    /// Streams that are recorded only up to a loss.
    package var givenUp: [StreamID]
  }

  /// Where the recording goes.
  package struct Files: Sendable {
    package var input: String
    package var answers: String?
    package var writesTimes: Bool
    package var replaces: Bool

    package init(input: String, answers: String?, writesTimes: Bool, replaces: Bool) {
      self.input = input
      self.answers = answers
      self.writesTimes = writesTimes
      self.replaces = replaces
    }
  }

  private let options: Options
  private let files: Files
  private let format: AnswerFormat

  package init(_ options: Options, files: Files, format: AnswerFormat) {
    self.options = options
    self.files = files
    self.format = format
  }

  /// Records until a limit of the options, or until SIGINT or SIGTERM.
  ///
  /// `say` gets what people should know, on the recorder's thread.
  package func run(say: @escaping @Sendable (String) -> Void) async throws -> Summary {
    let stopped = try Signal()
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    let watch = Task {
      for await _ in signals { stopped.raise() }
    }
    defer { watch.cancel() }
    return try await onThread(named: "record") {
      let writer = try RecordingWriter(
        path: files.input, answersPath: files.answers, format: format,
        writesTimes: files.writesTimes, replaces: files.replaces)
      let loop = try RecordLoop(options, writer: writer, stopped: stopped)
      return try loop.run(say: say)
    }
  }
}
