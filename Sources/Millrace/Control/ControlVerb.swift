/// What the control socket can be asked to do, and the keys that each takes beside `do` and `id`.
enum ControlVerb: String, CaseIterable, Sendable {
  case streamsList = "streams.list"
  case streamsShow = "streams.show"
  case modelShow = "model.show"
  case modelSwap = "model.swap"
  case streamsPeek = "streams.peek"
  case streamsExport = "streams.export"
  case streamsImport = "streams.import"
  case streamsFork = "streams.fork"
  case streamsReset = "streams.reset"
  case streamsRewind = "streams.rewind"
  case streamsPark = "streams.park"
  /// The three that a move ends with.
  case streamsMoved = "streams.moved"
  case streamsRelease = "streams.release"
  case streamsDiscard = "streams.discard"

  var keys: [String] {
    switch self {
    case .streamsList, .modelShow: []
    case .modelSwap: ["file", "policy"]
    case .streamsShow, .streamsReset, .streamsPark, .streamsRelease: ["stream"]
    case .streamsPeek: ["stream", "state"]
    case .streamsExport: ["stream", "hold"]
    case .streamsImport: ["as", "replace"]
    case .streamsFork: ["stream", "as", "replace"]
    case .streamsRewind: ["stream", "to"]
    case .streamsMoved: ["stream", "to"]
    case .streamsDiscard: ["stream", "life", "expected"]
    }
  }
}
