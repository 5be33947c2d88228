import Durability
import Wire

/// A subscription to kept lines of one stream: `from:NUMBER:TOKEN/tap/sink/result/NAME/`, or with
/// `NUMBER@LIFE` for what follows a place in a life that need not be the newest.
///
/// The token is of the subscriber's choosing and makes the topic its own.
struct HistoryTopic: Equatable, Hashable {
  static let beginning = "from:"
  private static let tap = "tap/sink/result/"
  private static let tokenBytesMax = 32

  let stream: StreamID
  let number: UInt64
  /// nil is the newest life of which lines are kept.
  let life: UInt64?
  let token: String

  init(stream: StreamID, number: UInt64, life: UInt64?, token: String) {
    (self.stream, self.number, self.life, self.token) = (stream, number, life, token)
  }

  init?(_ text: String) {
    guard text.hasPrefix(HistoryTopic.beginning), let slash = text.firstIndex(of: "/"),
      text.hasSuffix("/")
    else { return nil }
    let words = text[..<slash].dropFirst(HistoryTopic.beginning.count).split(separator: ":")
    let rest = text[text.index(after: slash)...].dropLast()
    guard words.count == 2, rest.hasPrefix(HistoryTopic.tap),
      let stream = StreamID(String(rest.dropFirst(HistoryTopic.tap.count))),
      words[1].utf8.count <= HistoryTopic.tokenBytesMax
    else { return nil }
    let place = words[0].split(separator: "@", omittingEmptySubsequences: false)
    guard place.count <= 2, let number = UInt64(place[0]) else { return nil }
    var life: UInt64?
    if place.count == 2 {
      life = UInt64(place[1])
      if life == nil { return nil }
    }
    self.init(stream: stream, number: number, life: life, token: String(words[1]))
  }

  var text: String {
    let place = life.map { "\(number)@\($0)" } ?? "\(number)"
    return "\(HistoryTopic.beginning)\(place):\(token)/\(plain)"
  }

  /// The tap whose lines it has.
  var plain: String { "\(HistoryTopic.tap)\(stream.name)/" }
}
