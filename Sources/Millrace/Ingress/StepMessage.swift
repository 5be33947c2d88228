import Tokenization
import Wire

/// The steps that one client message made, on their way to a worker; reused from message to message.
struct StepMessage {
  /// Token ids with the bytes that they used; for text and ids.
  var tokens = TokenRun()
  /// Vectors, row by row; for values.
  var values: [Float] = []
  /// For each vector, one past the last of the stream's rows that it took; where steps are counted by
  /// themselves.
  var valueEnds: [UInt64] = []
  /// Values a step.
  var width = 1

  mutating func removeAll() {
    tokens.removeAll()
    values.removeAll(keepingCapacity: true)
    valueEnds.removeAll(keepingCapacity: true)
  }

  var count: Int { values.isEmpty ? tokens.ids.count : values.count / width }
  var isEmpty: Bool { values.isEmpty && tokens.ids.isEmpty }
}
