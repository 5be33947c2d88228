@testable import Recurrence

extension StepBatch {
  /// Adds a stream with a vector held by an array.
  mutating func append(_ state: StreamState, row: [Float]) {
    row.withUnsafeBufferPointer { append(state, vector: $0) }
  }
}

extension Model {
  /// Steps one stream alone through rows; its answers.
  func answers(to rows: [[Float]], state: StreamState) -> [[Float]] {
    var batch = StepBatch(model: self, capacity: 1)
    return rows.map { row in
      batch.removeAll()
      batch.append(state, row: row)
      step(&batch)
      return Array(batch.output(0))
    }
  }

  /// Steps one stream alone through token ids; its answers.
  func answers(toTokens tokens: [Int32], state: StreamState) -> [[Float]] {
    var batch = StepBatch(model: self, capacity: 1)
    return tokens.map { token in
      batch.removeAll()
      batch.append(state, token: token)
      step(&batch)
      return Array(batch.output(0))
    }
  }
}

/// The bit patterns, so that comparisons tell -0 from 0.
func bits(_ rows: [[Float]]) -> [[UInt32]] { rows.map { $0.map(\.bitPattern) } }

/// FNV-1a over the bit patterns, low byte first.
func digest(_ values: some Sequence<Float>) -> UInt64 {
  var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  for value in values {
    var rest = value.bitPattern
    for _ in 0..<4 {
      hash = (hash ^ UInt64(rest & 0xff)) &* 0x100_0000_01b3
      rest >>= 8
    }
  }
  return hash
}
