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

  mutating func keepFirst(_ count: Int) {
    if !values.isEmpty { values.removeLast(values.count - count * width) }
    if valueEnds.count > count { valueEnds.removeLast(valueEnds.count - count) }
    if tokens.ids.count > count { tokens.ids.removeLast(tokens.ids.count - count) }
    if tokens.ends.count > count { tokens.ends.removeLast(tokens.ends.count - count) }
  }

  var count: Int { values.isEmpty ? tokens.ids.count : values.count / width }
  var isEmpty: Bool { values.isEmpty && tokens.ids.isEmpty }
}
