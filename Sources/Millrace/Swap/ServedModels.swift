import Durability
import Monitoring
import Wire

/// What the tokenizer stage knows of models: which generation each stream's next message is for, what
/// is swapped in, and which models are still needed.
///
/// Owned by the stage's thread.
final class ServedModels {
  /// What became of a swap that was asked for.
  typealias Reply = (Result<SwapOutcome, ModelShelf.Refusal>) -> Void

  var series: ModelSeries
  var underWay: SwapUnderWay?
  /// Who asked for it.
  var reply: Reply?
  /// Those whose swap is done and not durable yet, with the ticket that they wait for.
  var replies: [(ticket: StateStore.Ticket, reply: () -> Void)] = []
  /// The model that follows the one that serves.
  var shadow: ModelRecord?
  /// What each worker has told of it.
  var reports: [Int: ShadowReport] = [:]
  /// What streams may be given to begin with.
  var stateForm: StateForm
  /// Whether that is known: behind a restart a worker says so of a model that was swapped in.
  var isSettled = true
  /// Open streams that are in the store only, by generation.
  private(set) var parked: [UInt64: Int]
  /// For models that no life needs, the group of the input log behind which nothing else does.
  var releasing: [UInt64: UInt64] = [:]
  var nextLookMilliseconds: UInt64 = 0
  private var steps: [UInt64: OwnedCounter] = [:]
  private var lastGeneration: UInt64

  init(_ series: ModelSeries, stateForm: StateForm, parked: [UInt64: Int]) {
    self.series = series
    self.stateForm = stateForm
    self.parked = parked
    lastGeneration = series.current.generation
  }

  /// A number that no model had before; nil when there are no more.
  func nextGeneration() -> UInt64? {
    guard lastGeneration < Header.generationMax else { return nil }
    lastGeneration += 1
    return lastGeneration
  }

  /// The counter of the steps of one generation.
  func steps(of generation: UInt64, in metrics: StageMetrics) -> OwnedCounter {
    if let known = steps[generation] { return known }
    let counter = metrics.steps(of: (series.record(of: generation) ?? series.current).hash)
    steps[generation] = counter
    return counter
  }

  /// A stream has left memory, or come back.
  func park(_ stream: IngressStream, by change: Int) {
    park(generation: stream.generation, by: change)
  }

  func park(generation: UInt64, by change: Int) {
    parked[generation] = max(0, (parked[generation] ?? 0) + change)
  }

  /// The models that no open life is on.
  func unused(streams: some Sequence<IngressStream>) -> [ModelRecord] {
    guard series.held.count > 1 else { return [] }
    var lives = parked
    for stream in streams where stream.sequence.phase == .open {
      lives[stream.generation, default: 0] += 1
    }
    return series.unused(by: lives)
  }
}

/// What a swap came to.
package struct SwapOutcome: Equatable, Sendable {
  package var model: ModelRecord
  package var before: ModelRecord
  /// Streams that are open now.
  package var openStreams: Int
}
