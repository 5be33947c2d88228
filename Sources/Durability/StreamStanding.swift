/// Where a stream's input stands in the tokenizer stage: what it needs to go on after a restart, or
/// after it was parked.
package struct StreamStanding: Equatable, Sendable {
  /// The stage's count of lives; grows over restarts.
  package var life: UInt64
  /// The producer's incarnation.
  package var epoch: UInt64
  /// The next input number.
  package var expected: UInt64
  package var isClosed: Bool
  /// Input number at which this life began.
  package var firstInput: UInt64
  /// The next step's number.
  package var nextStep: UInt64
  /// Messages sent to the worker in this life.
  package var messages: UInt64
  /// START or RESET, still to be sent with the next step; `MessageFlags`.
  package var pendingFlags: UInt16
  /// The step with which the sequence began, at START or the last RESET.
  package var sequenceStart: UInt64
  /// The next answer's number, as far as it was known.
  package var nextAnswer: UInt64
  /// The carry of text in its portable form; empty for none.
  package var carry: [UInt8]
  /// The state that START gave, while no step has taken it to the worker.
  package var given: [Float]
  /// That of rows of numbers.
  package var values: [UInt8]
  /// Which model its last message was for: 0 until one is swapped in.
  package var generation: UInt64 = 0
  /// The ingress of the daemon in which its life goes on; empty where it did not leave.
  package var movedTo = ""
  /// When it was sent to last, in a column of its own; counts the time that daemons have run.
  package var usedMilliseconds: UInt64 = 0

  package init(
    life: UInt64, epoch: UInt64, expected: UInt64, isClosed: Bool, firstInput: UInt64,
    nextStep: UInt64, messages: UInt64, pendingFlags: UInt16,
    sequenceStart: UInt64 = 0, nextAnswer: UInt64 = 0, carry: [UInt8] = [], given: [Float] = [],
    values: [UInt8] = []
  ) {
    self.life = life
    self.epoch = epoch
    self.expected = expected
    self.isClosed = isClosed
    self.firstInput = firstInput
    self.nextStep = nextStep
    self.messages = messages
    self.pendingFlags = pendingFlags
    self.sequenceStart = sequenceStart
    self.nextAnswer = nextAnswer
    self.carry = carry
    self.given = given
    self.values = values
  }

  func write(to writer: inout ByteWriter) {
    // One after the other; this is written for every message.
    let numbers = (
      life.littleEndian, epoch.littleEndian, expected.littleEndian, firstInput.littleEndian,
      nextStep.littleEndian, messages.littleEndian, sequenceStart.littleEndian,
      nextAnswer.littleEndian
    )
    withUnsafeBytes(of: numbers) { writer.put(raw: $0) }
    // Stores of before have 0 and 1 here; only behind a swap there is a generation to be told.
    writer.put(UInt8(!movedTo.isEmpty ? 2 : isClosed ? 1 : 0) | (generation > 0 ? 4 : 0))
    if !movedTo.isEmpty { writer.put(counted: movedTo.utf8) }
    writer.put(pendingFlags)
    writer.put(counted: carry)
    writer.put(given)
    writer.put(counted: values)
    if generation > 0 { writer.put(generation) }
  }

  init(from reader: inout ByteReader) throws {
    life = try reader.take()
    epoch = try reader.take()
    expected = try reader.take()
    firstInput = try reader.take()
    nextStep = try reader.take()
    messages = try reader.take()
    sequenceStart = try reader.take()
    nextAnswer = try reader.take()
    let bits = try reader.take(UInt8.self)
    let phase = bits & 3
    isClosed = phase != 0
    if phase == 2 { movedTo = String(decoding: try reader.takeCounted(), as: UTF8.self) }
    pendingFlags = try reader.take()
    carry = Array(try reader.takeCounted())
    given = try reader.takeFloats()
    values = Array(try reader.takeCounted())
    if bits & 4 != 0 { generation = try reader.take() }
  }

  package var bytes: [UInt8] {
    var writer = ByteWriter()
    write(to: &writer)
    return writer.bytes
  }

  package init(bytes: [UInt8]) throws {
    var reader = ByteReader(bytes[...])
    try self.init(from: &reader)
  }
}
