import DequeModule
import Recurrence

/// How the answers behind a stream's END are made: `emit: { generate: ... }`.
package struct GenerationSettings: Sendable {
  package let steps: Int
  /// The id that ends it.
  package let until: Int32?
  package let sampler: Sampler
  /// Instead of drawing one token after the other.
  package let beam: BeamSearch.Settings?
  package let seed: UInt64
  /// The model that generates, begun with the first one's state and with `start`; nil when the
  /// stream's own model goes on.
  package let decoder: Decoder?

  package struct Decoder: Sendable {
    package let model: Model
    package let start: Int32
  }
}

/// One stream's answers behind its END, as far as they have come.
final class Generation {
  let state: StreamState
  /// The END's message: its number, epoch and note belong to every answer.
  let run: StepRun
  var random: SplitMix64
  /// The next input.
  var token: Int32
  /// Answers given.
  var count = 0
  /// The hypotheses of a beam search.
  var beam: Beam?
  /// What a beam search found and is not answered yet.
  var due: Deque<BeamSearch.Answer> = []

  struct Beam {
    var search: BeamSearch
    /// The state of each live one, and its next input.
    var hypotheses: [(state: StreamState, token: Int32)]
  }

  init(state: StreamState, run: StepRun, seed: UInt64, token: Int32) {
    self.state = state
    self.run = run
    random = SplitMix64(seed: seed)
    self.token = token
  }
}
