import Durability
import Logging
import Wire
import ZeroMQ

/// The tokenizer stage, where clients come in: checks numbers, makes steps of payloads, hands them
/// to the workers, and gives answers back by the connection that the data came on.
package struct TokenizerStage: Stage {
  let encoding: InputEncoding
  let format: AnswerFormat
  let workers: Int
  /// Open streams in memory.
  let liveStreams: Int
  /// Open streams, parked ones among them.
  let streams: Int
  let stateForm: StateForm
  /// What becomes of data for a worker that has no room.
  let onFull: PipelineFile.OnFull
  /// Steps of one sequence; nil for any number.
  let maxSteps: Int?
  /// The model that the pipeline file names.
  let model: ModelRecord
  let endpoints: StageEndpoints
  /// Whether answers go back to the clients.
  let replies: Bool
  /// Where accepted input is kept; nil for nowhere.
  let store: StateStore?
  /// How often states are saved.
  let checkpointMilliseconds: UInt64
  /// An idle stream leaves memory after so long; nil for only when there is need.
  let parkMilliseconds: UInt64?
  /// An idle stream ends after so long; nil for never.
  let expireMilliseconds: UInt64?
  /// Which checkpoints can be rewound to; nil for none.
  let keep: PipelineFile.KeepSection?
  /// Of streams that leave and come as files.
  let form: CheckpointForm

  package var name: String { "tokenizer" }

  package func run(_ control: StageControl) throws {
    let loop = try TokenizerLoop(self, control)
    try loop.run()
  }
}
