import Wire

/// One output line, read back.
struct OutputLine: Equatable {
  var stream = ""
  var number: UInt64 = 0
  var token: String?
  var label: String?
  var score: Float?
  var values: [Float] = []
  var isEnd = false

  /// Reads a line.
  ///
  /// - Throws: a `JSONError` for anything but one JSON object of the known keys.
  init(_ line: String) throws {
    try Array(line.utf8).withUnsafeBytes { try read($0) }
  }

  private mutating func read(_ bytes: UnsafeRawBufferPointer) throws(JSONError) {
    var reader = JSONReader(bytes, maximumDepth: 8)
    try reader.object { (key, reader) throws(JSONError) in
      switch key {
      case "stream": stream = try reader.string()
      case "number": number = try reader.unsignedInteger()
      case "token": token = try reader.string()
      case "label": label = try reader.string()
      case "score": score = try reader.float()
      case "values":
        try reader.array { (reader) throws(JSONError) in values.append(try reader.float()) }
      case "end": isEnd = try reader.boolean()
      case "top": try reader.skip()
      default: throw reader.error("unknown key \(key)")
      }
    }
    try reader.finish()
  }
}
