/// What the control socket can be asked to do, and the keys that each takes beside `do` and `id`.
enum ControlVerb: String, CaseIterable, Sendable {
  case streamsList = "streams.list"
  case streamsShow = "streams.show"
  case modelShow = "model.show"
  case modelSwap = "model.swap"

  var keys: [String] {
    switch self {
    case .streamsList, .modelShow: []
    case .modelSwap: ["file", "policy"]
    case .streamsShow: ["stream"]
    }
  }
}
