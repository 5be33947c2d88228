/// What the control socket can be asked to do, and the keys that each takes beside `do` and `id`.
enum ControlVerb: String, CaseIterable, Sendable {
  case streamsList = "streams.list"
  case streamsShow = "streams.show"

  var keys: [String] {
    switch self {
    case .streamsList: []
    case .streamsShow: ["stream"]
    }
  }
}
