/// One accepted message of a client: where it left its stream, and what goes to the worker for it.
package struct InputRecord: Equatable, Sendable {
  /// A message to the worker.
  package struct Steps: Equatable, Sendable {
    /// A link header's 56 bytes.
    package var header: [UInt8]
    package var payload: [UInt8]
    /// The state that the life begins with, where its START gave one.
    package var given: [UInt8]
    package var note: [UInt8]
    /// For each step of text, one past the last input number that it used.
    package var inputEnds: [UInt64]

    package init(
      header: [UInt8], payload: [UInt8], given: [UInt8] = [], note: [UInt8], inputEnds: [UInt64]
    ) {
      self.header = header
      self.payload = payload
      self.given = given
      self.note = note
      self.inputEnds = inputEnds
    }
  }

  package var stream: String
  package var standing: StreamStanding
  /// What went to the worker; nothing where the input completed no step.
  package var steps: [Steps]

  package init(stream: String, standing: StreamStanding, steps: [Steps] = []) {
    self.stream = stream
    self.standing = standing
    self.steps = steps
  }

  /// Appends the record to a group; each begins with its length.
  package func append(to group: inout [UInt8]) {
    // The group is moved, not copied.
    var bytes: [UInt8] = []
    swap(&bytes, &group)
    var writer = ByteWriter(consume bytes)
    writer.putCounted { writer in
      writer.put(counted: stream.utf8)
      standing.write(to: &writer)
      for steps in steps {
        writer.put(counted: steps.header)
        writer.put(counted: steps.payload)
        writer.put(counted: steps.given)
        writer.put(counted: steps.note)
        writer.put(steps.inputEnds)
      }
    }
    group = writer.bytes
  }

  /// Takes a group apart.
  package static func records(of group: [UInt8]) throws -> [InputRecord] {
    var records: [InputRecord] = []
    var groupReader = ByteReader(group[...])
    while !groupReader.isAtEnd {
      var reader = ByteReader(try groupReader.takeCounted())
      let stream = String(decoding: try reader.takeCounted(), as: UTF8.self)
      let standing = try StreamStanding(from: &reader)
      var steps: [Steps] = []
      while !reader.isAtEnd {
        steps.append(
          Steps(
            header: Array(try reader.takeCounted()), payload: Array(try reader.takeCounted()),
            given: Array(try reader.takeCounted()),
            note: Array(try reader.takeCounted()), inputEnds: try reader.takeNumbers()))
      }
      records.append(InputRecord(stream: stream, standing: standing, steps: steps))
    }
    return records
  }
}
