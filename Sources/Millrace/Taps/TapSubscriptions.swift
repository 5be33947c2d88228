/// What is subscribed to at one tap, and what of it is due.
///
/// A subscription to `every:10/TOPIC` or `rate:5/TOPIC` asks for every tenth message of each topic, or
/// for at most five a second; what it gets has topics that begin so, and sequences of their own.
struct TapSubscriptions {
  /// One kind of limit, with those who asked for it.
  private struct Limited {
    let limit: TapLimit
    /// Topics behind the limit, and how often they are subscribed to.
    var prefixes: [String: Int] = [:]
    /// For each full topic, messages since one was due, or when the next one is.
    var standings: [String: UInt64] = [:]
  }

  private var prefixes: [String: Int] = [:]
  private var limited: [String: Limited] = [:]
  /// Topics of gates and states: what costs more than a copy.
  private var costly: [String] = []
  private let stage: String

  /// Different limits at one tap; subscriptions to more get nothing.
  private static let limitsMax = 64
  /// Topics that a limit remembers; beyond it all begin anew.
  private static let topicsMax = 100_000

  init(stage: String) { self.stage = stage }

  /// Whether nobody listens.
  var isEmpty: Bool { prefixes.isEmpty && limited.isEmpty }

  /// Takes a message of the socket: 1 or 0, and the topic that is subscribed to or no longer.
  mutating func take(_ bytes: UnsafeRawBufferPointer) {
    guard let first = bytes.first, first <= 1 else { return }
    let topic = String(decoding: bytes.dropFirst(), as: UTF8.self)
    // Kept lines, which `HistoryStage` serves.
    guard !topic.hasPrefix(HistoryTopic.beginning) else { return }
    let change = first == 1 ? 1 : -1
    if let (limit, rest) = TapLimit.split(topic) {
      let name = limit.prefix
      guard limited[name] != nil || limited.count < TapSubscriptions.limitsMax else { return }
      var entry = limited[name] ?? Limited(limit: limit)
      TapSubscriptions.count(rest, change, in: &entry.prefixes)
      limited[name] = entry.prefixes.isEmpty ? nil : entry
    } else {
      TapSubscriptions.count(topic, change, in: &prefixes)
    }
    let all = Array(prefixes.keys) + limited.values.flatMap { Array($0.prefixes.keys) }
    costly = all.filter { prefix in
      ["gates", "state"].contains { prefix.hasPrefix("tap/\(stage)/\($0)/") }
    }
  }

  private static func count(_ topic: String, _ change: Int, in prefixes: inout [String: Int]) {
    let count = (prefixes[topic] ?? 0) + change
    prefixes[topic] = count > 0 ? count : nil
  }

  /// Whether somebody may want messages of a topic, however rarely.
  func covers(_ topic: String) -> Bool { coversPlainly(topic) || coversRarely(topic) }

  /// Whether somebody wants messages of a topic under a limit.
  func coversRarely(_ topic: String) -> Bool {
    !limited.isEmpty
      && limited.values.contains { $0.prefixes.keys.contains(where: topic.hasPrefix) }
  }

  /// Whether somebody wants all messages of a topic.
  func coversPlainly(_ topic: String) -> Bool {
    !prefixes.isEmpty && prefixes.keys.contains(where: topic.hasPrefix)
  }

  /// Whether somebody named gates or states.
  var hasCostly: Bool { !costly.isEmpty }

  /// Whether somebody named gates or states that the topic has, or has below it.
  func asksForCostly(_ topic: String) -> Bool {
    !costly.isEmpty && costly.contains { topic.hasPrefix($0) || $0.hasPrefix(topic) }
  }

  /// The limits whose subscribers get this message of a topic, as topics begin for them.
  mutating func due(_ topic: String, microseconds: @autoclosure () -> UInt64) -> [String] {
    guard !limited.isEmpty else { return [] }
    var due: [String] = []
    for (name, entry) in limited where entry.prefixes.keys.contains(where: topic.hasPrefix) {
      var entry = entry
      limited[name] = nil
      if entry.standings.count >= TapSubscriptions.topicsMax { entry.standings = [:] }
      if entry.limit.isDue(&entry.standings[topic, default: 0], microseconds: microseconds()) {
        due.append(name)
      }
      limited[name] = entry
    }
    return due
  }
}
