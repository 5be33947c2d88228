import Durability
import Logging
import Wire
import ZeroMQ

/// The sink stage: answers in, output lines and published messages out.
package struct SinkStage: Stage {
  package enum Output: Sendable, Equatable {
    case none
    case standardOutput
    /// Appended to.
    case file(String)
  }

  let endpoints: StageEndpoints
  let format: AnswerFormat
  let output: Output
  let publish: String?
  let publishFormat: PipelineFile.SinkSection.Format
  /// Prefixes that its subscribers may ask for.
  let subscriptions: Int
  let alarm: AlarmSetting?
  /// Where it is kept how far the output is written; nil for nowhere.
  let store: StateStore?
  /// How long its lines are kept there for readers who come late; nil for not at all.
  let historyMilliseconds: UInt64?

  package var name: String { "sink" }

  package func run(_ control: StageControl) throws {
    let loop = try SinkLoop(self, control)
    try loop.run()
  }
}
