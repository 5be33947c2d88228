import Durability
import Logging
import Recurrence
import Wire
import ZeroMQ

/// The inference stage, one worker of it: token ids or vectors in, output vectors out, the state of
/// every stream inside.
package struct InferenceStage: Stage {
  package struct Settings: Sendable {
    package var batch: Int
    /// How long a step may wait for others to share its batch, in microseconds.
    package var linger: Int
    package var emit: Emission
    /// What becomes of an output vector.
    package var output = OutputForm()
    package var resetEvery: Int?
    /// Inputs that each stream keeps for a swap that replays them.
    package var rewarmSteps = 0
    /// Whether answers go back to the client, or acknowledgements only.
    package var reply: Bool
    /// Whether answers name the token of each step: where text was turned into tokens, which the client
    /// does not know.
    package var tellsTokens: Bool
    /// Whether the sink remembers an alarm of each stream.
    package var hasAlarm = false
  }

  let worker: Int
  /// The models of this process.
  let shelf: ModelShelf
  let settings: Settings
  let endpoints: StageEndpoints
  /// Where states are saved; nil for nowhere.
  let store: StateStore?
  /// Between two checkpoints of a stream that goes on.
  let checkpointMilliseconds: UInt64
  /// An idle stream leaves memory after so long; nil for only when there is need.
  let parkMilliseconds: UInt64?
  /// Streams with state in memory.
  let liveStreams: Int

  package var name: String { "inference-\(worker)" }

  package func run(_ control: StageControl) throws {
    if StepKernels.flushesDenormals {
      control.logger.warning(
        "a library has made this thread flush denormal numbers: bits may differ from other machines"
      )
    }
    let loop = try InferenceLoop(self, control)
    try loop.run()
  }
}
