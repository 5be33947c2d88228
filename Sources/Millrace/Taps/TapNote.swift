import Wire

/// The last part of a published message.
struct TapNote: Equatable {
  /// Counted per full topic since the daemon started.
  var sequence: UInt64
  /// The stream's life, where the topic is about one.
  var life: UInt64?

  init(sequence: UInt64, life: UInt64?) { (self.sequence, self.life) = (sequence, life) }

  /// The part as it is sent.
  var text: String { "{\"sequence\":\(sequence)\(life.map { ",\"life\":\($0)" } ?? "")}" }

  /// - Throws: a `JSONError`, also for a note without a sequence.
  init(_ bytes: UnsafeRawBufferPointer) throws(JSONError) {
    var reader = JSONReader(bytes)
    var sequence: UInt64?
    var life: UInt64?
    try reader.object { (key, reader) throws(JSONError) in
      switch key {
      case "sequence": sequence = try reader.unsignedInteger()
      case "life": life = try reader.unsignedInteger()
      default: try reader.skip()
      }
    }
    guard let sequence else { throw reader.error("no \"sequence\"") }
    self.sequence = sequence
    self.life = life
  }
}
