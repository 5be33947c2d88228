import Wire

/// One topic of a tap, as its stage knows it: who asks for it, and how far it is counted.
final class TapTopic {
  /// Which one it is, without putting its name together.
  struct Key: Hashable {
    var what: String
    var stream: StreamID
    /// The layer, for gates and states.
    var part = ""
  }

  let name: String
  /// Whether somebody wants all messages of it.
  fileprivate(set) var isWantedPlainly = false
  /// Whether somebody wants some of them.
  fileprivate(set) var isWantedRarely = false
  /// The subscriptions of which that is known.
  fileprivate var turn: UInt64 = 0
  /// The sequence of the next message; 0 at first.
  var next: UInt64 = 0
  /// The same by limit: `every:10/`.
  var nextByLimit: [String: UInt64] = [:]

  var isWanted: Bool { isWantedPlainly || isWantedRarely }

  init(name: String) { self.name = name }
}

/// The topics that a tap has met; each is looked up by its key, and compared with what is subscribed to
/// only when that has changed.
struct TapTopicTable {
  private var topics: [TapTopic.Key: TapTopic] = [:]
  private let stage: String
  /// Counts changes of subscriptions.
  private var turn: UInt64 = 1

  /// Topics that are remembered; beyond it those go that nobody has asked for, or else all, which then
  /// count from 0 again: readers take that for a restart and not for a loss.
  private static let topicsMax = 200_000

  init(stage: String) { self.stage = stage }

  /// What is subscribed to has changed.
  mutating func subscriptionsChanged() { turn += 1 }

  /// The topic `tap/STAGE/WHAT/NAME/`, or below it.
  mutating func topic(_ key: TapTopic.Key, _ subscriptions: TapSubscriptions) -> TapTopic {
    guard let topic = topics[key] else { return add(key, subscriptions) }
    refresh(topic, subscriptions)
    return topic
  }

  func refresh(_ topic: TapTopic, _ subscriptions: TapSubscriptions) {
    guard topic.turn != turn else { return }
    topic.turn = turn
    topic.isWantedPlainly = subscriptions.coversPlainly(topic.name)
    topic.isWantedRarely = subscriptions.coversRarely(topic.name)
  }

  private mutating func add(
    _ key: TapTopic.Key, _ subscriptions: TapSubscriptions
  ) -> TapTopic {
    if topics.count >= TapTopicTable.topicsMax {
      topics = topics.filter { $0.value.next > 0 || !$0.value.nextByLimit.isEmpty }
      if topics.count > TapTopicTable.topicsMax / 2 { topics.removeAll() }
    }
    let place = "tap/\(stage)/\(key.what)/\(key.stream.name)/"
    let topic = TapTopic(name: key.part.isEmpty ? place : "\(place)\(key.part)/")
    refresh(topic, subscriptions)
    topics[key] = topic
    return topic
  }
}
