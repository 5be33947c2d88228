/// A sender's greeting: which streams it is about to send or go on with.
package struct Hello: Equatable, Sendable {
  /// Stream name -> the first answer still wanted, which is sent again from the cache; nil for none.
  package var streams: [String: UInt64?]
  package var epoch: UInt64

  package init(streams: [String: UInt64?] = [:], epoch: UInt64 = 0) {
    self.streams = streams
    self.epoch = epoch
  }

  package var bytes: [UInt8] {
    let entries = streams.sorted { $0.key < $1.key }.map { name, answers in
      "\(JSONText.quoted(name)):\(answers.map(String.init) ?? "null")"
    }
    return Array("{\"streams\":{\(entries.joined(separator: ","))},\"epoch\":\(epoch)}".utf8)
  }

  package init(payload: UnsafeRawBufferPointer) throws(JSONError) {
    self.init()
    var reader = JSONReader(payload)
    try reader.object { (key, reader) throws(JSONError) in
      switch key {
      case "streams":
        try reader.object { (name, reader) throws(JSONError) in
          if reader.peek() == UInt8(ascii: "n") {
            try reader.null()
            streams.updateValue(nil, forKey: name)
          } else {
            streams[name] = try reader.unsignedInteger()
          }
        }
      case "epoch": epoch = try reader.unsignedInteger()
      default: try reader.skip()
      }
    }
    try reader.finish()
  }
}
