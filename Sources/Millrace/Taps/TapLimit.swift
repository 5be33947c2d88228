/// How rarely a subscriber wants the messages of a topic.
package enum TapLimit: Sendable, Equatable {
  /// The first message of a topic, and each Nth behind it.
  case every(UInt64)
  /// At most so many a second of a topic, evenly.
  case perSecond(UInt64)

  private static let most: UInt64 = 1_000_000

  /// What topics begin with under this limit.
  package var prefix: String {
    switch self {
    case .every(let count): "every:\(count)/"
    case .perSecond(let count): "rate:\(count)/"
    }
  }

  /// The limit that a subscription begins with, and the topic behind it; nil for one without.
  static func split(_ topic: String) -> (limit: TapLimit, rest: String)? {
    guard let slash = topic.firstIndex(of: "/"), let colon = topic[..<slash].firstIndex(of: ":"),
      let count = UInt64(topic[topic.index(after: colon)..<slash]), (1...most).contains(count)
    else { return nil }
    let rest = String(topic[topic.index(after: slash)...])
    switch topic[..<colon] {
    case "every": return (.every(count), rest)
    case "rate": return (.perSecond(count), rest)
    default: return nil
    }
  }

  /// Whether a message is due; `standing` is the topic's, 0 at first.
  func isDue(_ standing: inout UInt64, microseconds: UInt64) -> Bool {
    switch self {
    case .every(let count):
      defer { standing = (standing + 1) % count }
      return standing == 0
    case .perSecond(let count):
      guard microseconds >= standing else { return false }
      // In step with the second where it goes on, and nothing is saved up for a burst.
      let interval = 1_000_000 / count
      standing = microseconds - standing < interval ? standing + interval : microseconds + interval
      return true
    }
  }
}
