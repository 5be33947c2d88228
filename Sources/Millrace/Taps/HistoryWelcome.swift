import Durability
import Wire

/// What stands before kept lines: `{"lines":500,"life":3,"number":57}`.
struct HistoryWelcome: Equatable {
  /// Lines that the subscription gets in all; the reader asks for those behind them with another.
  var lines: UInt64
  /// Where the lines begin; nil when none of the stream are kept yet.
  var begins: KeptPlace?

  init(lines: UInt64, begins: KeptPlace?) { (self.lines, self.begins) = (lines, begins) }

  init(payload: UnsafeRawBufferPointer) throws(JSONError) {
    var reader = JSONReader(payload)
    var fields: [String: UInt64] = [:]
    try reader.object { (key, reader) throws(JSONError) in
      switch key {
      case "lines", "life", "number": fields[key] = try reader.unsignedInteger()
      default: try reader.skip()
      }
    }
    guard let lines = fields["lines"] else { throw reader.error("no \"lines\"") }
    self.lines = lines
    if let life = fields["life"], let number = fields["number"] {
      begins = KeptPlace(life: life, number: number)
    }
  }

  var bytes: [UInt8] {
    let place = begins.map { ",\"life\":\($0.life),\"number\":\($0.number)" } ?? ""
    return Array("{\"lines\":\(lines)\(place)}".utf8)
  }
}
