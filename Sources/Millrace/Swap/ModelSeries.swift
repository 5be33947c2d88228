import Durability
import Wire

/// The models of a pipeline in the order in which they were swapped in, and on which of them a stream's
/// next message runs.
///
/// Every message to a worker names its generation, so that a swap lies between two messages of a stream,
/// the same two whenever they are sent again.
struct ModelSeries: Sendable {
  /// By their generations; never empty.
  private(set) var records: [ModelRecord]

  init(_ first: ModelRecord) { records = [first] }

  /// Nil for none.
  init?(_ records: [ModelRecord]) {
    guard !records.isEmpty else { return nil }
    self.records = records
  }

  /// The one that new lives begin on.
  var current: ModelRecord { records[records.count - 1] }

  /// Those that some stream or input may still need.
  var held: [ModelRecord] { records.filter { !$0.isReleased } }

  func record(of generation: UInt64) -> ModelRecord? {
    records.first { $0.generation == generation }
  }

  /// How answers name the model of a generation; 0 for one that never was.
  func key(of generation: UInt64) -> UInt64 {
    record(of: generation).map { ModelKey.key(of: $0.hash) } ?? 0
  }

  /// The generation that a life on `generation` goes on with: it passes every swap but a `drain`.
  func successor(of generation: UInt64) -> UInt64 {
    guard generation != current.generation else { return generation }
    var reached = generation
    for record in records where record.generation > generation {
      if record.policy == SwapPolicy.drain.rawValue { break }
      reached = record.generation
    }
    return reached
  }

  /// What becomes of a state that goes from one generation to a later one.
  ///
  /// A stream that slept through several swaps is moved once: zeroed if one of them zeroes, else
  /// rewarmed if one of them rewarms, else carried.
  func policy(from: UInt64, to: UInt64) -> SwapPolicy {
    let passed = records.filter { $0.generation > from && $0.generation <= to }
      .compactMap { SwapPolicy(rawValue: $0.policy) }
    if passed.contains(.reset) { return .reset }
    return passed.contains(.rewarm) ? .rewarm : .carry
  }

  mutating func append(_ record: ModelRecord) { records.append(record) }

  /// The file that a pipeline names has moved.
  mutating func move(_ generation: UInt64, to path: String) {
    guard let index = records.firstIndex(where: { $0.generation == generation }) else { return }
    records[index].path = path
  }

  mutating func release(_ generation: UInt64) {
    guard let index = records.firstIndex(where: { $0.generation == generation }) else { return }
    records[index].isReleased = true
  }

  /// The models that no open life needs.
  ///
  /// `lives` counts open lives by the generation of their last message.
  func unused(by lives: [UInt64: Int]) -> [ModelRecord] {
    let used = Set(lives.filter { $0.value > 0 }.keys.map(successor))
    return held.filter { $0.generation != current.generation && !used.contains($0.generation) }
  }
}
