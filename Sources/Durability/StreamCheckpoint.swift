/// A stream as an inference worker has it between two messages.
package struct StreamCheckpoint: Equatable, Sendable {
  /// The last output, where answers are rarer than steps.
  package struct LastOutput: Equatable, Sendable {
    package var number: UInt64
    package var id: Int32?
    package var row: [Float]
    /// The first 8 bytes of the hash of the model that gave it; 0 for the one that the state is of.
    package var model: UInt64 = 0

    package init(number: UInt64, id: Int32?, row: [Float]) {
      self.number = number
      self.id = id
      self.row = row
    }
  }

  package var life: UInt64
  /// Messages of this life that are applied.
  package var messages: UInt64
  /// The next step's number.
  package var nextStep: UInt64
  package var stepsSinceReset: UInt32
  package var stepsSinceAnswer: UInt32
  package var last: LastOutput?
  /// h, c and the past of convolutions: the portable form of the state, without padding.
  package var state: [Float]
  /// Forecast errors in their portable form; empty without an anomaly score.
  package var errors: [UInt8] = []
  /// The model that the state belongs to: 0 until one is swapped in.
  package var generation: UInt64 = 0
  /// The last inputs, for a swap that replays them, in their portable form; empty where none are kept.
  package var recent: [UInt8] = []
  /// Whether the state is what those made of zeros, and no step was taken since: a `carry` makes it anew.
  package var isRewarmed = false
  /// Whether the life is over: nothing is left of it but that it was.
  package var isEnded = false

  package init(
    life: UInt64, messages: UInt64, nextStep: UInt64, stepsSinceReset: UInt32,
    stepsSinceAnswer: UInt32, last: LastOutput?, state: [Float]
  ) {
    self.life = life
    self.messages = messages
    self.nextStep = nextStep
    self.stepsSinceReset = stepsSinceReset
    self.stepsSinceAnswer = stepsSinceAnswer
    self.last = last
    self.state = state
  }

  package var bytes: [UInt8] {
    var writer = ByteWriter()
    for value in [life, messages, nextStep] { writer.put(value) }
    writer.put(stepsSinceReset)
    writer.put(stepsSinceAnswer)
    let isOfSwaps = generation > 0 || !recent.isEmpty || last?.model ?? 0 > 0
    writer.put(UInt8(isEnded ? 1 : 0) | (isOfSwaps ? 2 : 0) | (isRewarmed ? 4 : 0))
    writer.put(state)
    writer.put(counted: errors)
    if isOfSwaps {
      writer.put(generation)
      writer.put(counted: recent)
      writer.put(last?.model ?? 0)
    }
    if let last {
      writer.put(last.number)
      writer.put(Int64(last.id ?? -1))
      writer.put(last.row)
    }
    return writer.bytes
  }

  package init(bytes: [UInt8]) throws {
    var reader = ByteReader(bytes[...])
    life = try reader.take()
    messages = try reader.take()
    nextStep = try reader.take()
    stepsSinceReset = try reader.take()
    stepsSinceAnswer = try reader.take()
    let bits = try reader.take(UInt8.self)
    isEnded = bits & 1 != 0
    isRewarmed = bits & 4 != 0
    state = try reader.takeFloats()
    errors = Array(try reader.takeCounted())
    var lastModel: UInt64 = 0
    if bits & 2 != 0 {
      generation = try reader.take()
      recent = Array(try reader.takeCounted())
      lastModel = try reader.take()
    }
    if !reader.isAtEnd {
      let number = try reader.take(UInt64.self)
      let id = try reader.take(Int64.self)
      last = LastOutput(
        number: number, id: id < 0 ? nil : Int32(truncatingIfNeeded: id),
        row: try reader.takeFloats())
      last?.model = lastModel
    }
  }
}
