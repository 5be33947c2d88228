/// All that a stream is between two messages: enough to go on with it elsewhere, under another name,
/// or from here once more.
package struct StreamSnapshot: Equatable, Sendable {
  /// What lies behind the tokenizer stage.
  package struct Memory: Equatable, Sendable {
    /// As the worker has it.
    package var checkpoint: StreamCheckpoint
    /// What the sink's alarm rule remembers; empty for nothing.
    package var alarm: [UInt8]

    package init(checkpoint: StreamCheckpoint, alarm: [UInt8] = []) {
      self.checkpoint = checkpoint
      self.alarm = alarm
    }

    package var bytes: [UInt8] {
      var writer = ByteWriter()
      writer.put(counted: checkpoint.bytes)
      writer.put(counted: alarm)
      return writer.bytes
    }

    package init(bytes: some Sequence<UInt8>) throws {
      var reader = ByteReader(Array(bytes)[...])
      checkpoint = try StreamCheckpoint(bytes: Array(reader.takeCounted()))
      alarm = Array(try reader.takeCounted())
    }
  }

  package var standing: StreamStanding
  /// Nil where nothing has reached the worker yet: it begins with zeros, or with what START gave.
  package var memory: Memory?

  package init(standing: StreamStanding, memory: Memory?) {
    self.standing = standing
    self.memory = memory
  }

  package var bytes: [UInt8] {
    var writer = ByteWriter()
    writer.put(counted: standing.bytes)
    if let memory { writer.put(counted: memory.bytes) }
    return writer.bytes
  }

  package init(bytes: [UInt8]) throws {
    var reader = ByteReader(bytes[...])
    standing = try StreamStanding(bytes: Array(reader.takeCounted()))
    memory = reader.isAtEnd ? nil : try Memory(bytes: reader.takeCounted())
  }
}
