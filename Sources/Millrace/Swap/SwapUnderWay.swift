import Durability

/// A swap that was asked for, until every worker has read the file.
struct SwapUnderWay {
  enum Decision: Equatable {
    /// Others are still to answer.
    case wait
    /// All have read the same file, whose hash the record has.
    case go(ModelRecord)
    case refuse(String)
  }

  /// Tells it from another try with the same file.
  let attempt: UInt64
  let candidate: ModelRecord
  /// When it is given up.
  let dueMilliseconds: UInt64
  /// What each worker has read; nil while it has not.
  private var read: [ModelRecord?]

  init(_ candidate: ModelRecord, attempt: UInt64, workers: Int, dueMilliseconds: UInt64) {
    self.candidate = candidate
    self.attempt = attempt
    self.dueMilliseconds = dueMilliseconds
    read = Array(repeating: nil, count: workers)
  }

  /// A worker has read the file, and what was found is `record`.
  mutating func take(_ record: ModelRecord, from worker: Int) -> Decision {
    read[worker] = record
    let hashes = Set(read.compactMap { $0?.hash })
    guard hashes.count == 1 else {
      return .refuse(
        "\(candidate.path) is not the same file for all workers: "
          + "\(hashes.sorted().joined(separator: " and "))")
    }
    return read.contains(nil) ? .wait : .go(record)
  }

  /// A worker was started anew: what it had read is gone.
  mutating func forget(_ worker: Int) { read[worker] = nil }

  /// The workers that have not answered.
  var missing: [Int] { read.indices.filter { read[$0] == nil } }
}
