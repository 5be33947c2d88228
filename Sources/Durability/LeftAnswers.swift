/// Answers of a stream that its client may not have, left for the next start by a process that was told
/// to stop.
package struct LeftAnswers: Equatable, Sendable {
  /// An answer as its client gets it.
  package struct Answer: Equatable, Sendable {
    /// A header's 56 bytes.
    package var header: [UInt8]
    package var payload: [UInt8]
    package var ids: [UInt8]
    package var note: [UInt8]
    /// For rows of text, where each step's input ended.
    package var inputs: [UInt64]
    /// The first input number that no answer before it used.
    package var firstInput: UInt64

    package init(
      header: [UInt8], payload: [UInt8], ids: [UInt8], note: [UInt8], inputs: [UInt64],
      firstInput: UInt64
    ) {
      self.header = header
      self.payload = payload
      self.ids = ids
      self.note = note
      self.inputs = inputs
      self.firstInput = firstInput
    }
  }

  package var life: UInt64
  /// Messages to the worker in this life that had been answered.
  package var messages: UInt64
  /// Without a gap, oldest first, up to the newest that was given.
  package var answers: [Answer]

  package init(life: UInt64, messages: UInt64, answers: [Answer]) {
    self.life = life
    self.messages = messages
    self.answers = answers
  }

  package var bytes: [UInt8] {
    var writer = ByteWriter()
    writer.put(life)
    writer.put(messages)
    for answer in answers {
      writer.put(counted: answer.header)
      writer.put(counted: answer.payload)
      writer.put(counted: answer.ids)
      writer.put(counted: answer.note)
      writer.put(answer.inputs)
      writer.put(answer.firstInput)
    }
    return writer.bytes
  }

  package init(bytes: [UInt8]) throws {
    var reader = ByteReader(bytes[...])
    life = try reader.take()
    messages = try reader.take()
    answers = []
    while !reader.isAtEnd {
      answers.append(
        Answer(
          header: Array(try reader.takeCounted()), payload: Array(try reader.takeCounted()),
          ids: Array(try reader.takeCounted()), note: Array(try reader.takeCounted()),
          inputs: try reader.takeNumbers(), firstInput: try reader.take()))
    }
  }

  /// Roughly what it holds in memory.
  var byteCount: Int {
    answers.reduce(128) {
      $0 + $1.payload.count + $1.ids.count + $1.note.count + $1.inputs.count * 8 + 256
    }
  }
}
