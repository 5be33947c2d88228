/// Topics as people name them: with or without `tap/`, cut anywhere, with or without a `*` behind.
package enum TapTopics {
  /// What topics begin with, before the stream's name where they are about one.
  private static let ofStreams = [
    "tap/tokenizer/input/", "tap/tokenizer/tokens/", "tap/inference/output/",
    "tap/inference/gates/", "tap/inference/state/", "tap/inference/shadow/", "tap/sink/result/",
    "tap/sink/alarm/",
  ]
  private static let published = ["output/", "alarm/"]
  private static let others = [
    "tap/tokenizer/streams/", "tap/daemon/events/", "tap/daemon/stats/",
  ]

  package struct Unknown: Error, CustomStringConvertible {
    package let description: String
  }

  /// Whether a topic is one of what the sink publishes, and not a tap.
  package static func isPublished(_ topic: String) -> Bool {
    published.contains { topic.hasPrefix($0) || $0.hasPrefix(topic) && !topic.isEmpty }
  }

  /// The subscriptions for topics and streams.
  ///
  /// - Parameters:
  ///   - topics: none is everything.
  ///   - streams: none is all; with them, a topic stands for what it has of those streams.
  ///   - limit: for taps; what the sink publishes is not limited.
  /// - Returns: what topics must begin with, one of them.
  /// - Throws: `Unknown` for a topic that no daemon has.
  package static func prefixes(
    _ topics: [String], streams: [StreamPattern], limit: TapLimit?
  ) throws(Unknown) -> [String] {
    var prefixes: [String] = []
    for topic in topics.isEmpty ? [""] : topics {
      let full = try complete(topic)
      if limit != nil, isPublished(full) {
        throw Unknown(
          description:
            "\(topic) is published in full by the sink; --every and --at-most are for taps")
      }
      prefixes += streams.isEmpty ? [full] : try restrict(full, named: topic, to: streams)
    }
    return prefixes.map { (limit?.prefix ?? "") + $0 }
  }

  /// Whether subscriptions are all for gates.
  package static func areOfGates(_ prefixes: [String]) -> Bool {
    prefixes.allSatisfy { $0.contains("tap/inference/gates/") }
  }

  private static func restrict(
    _ topic: String, named name: String, to streams: [StreamPattern]
  ) throws(Unknown) -> [String] {
    let whole = (ofStreams + published).filter { $0.hasPrefix(topic) }
    guard !whole.isEmpty else {
      throw Unknown(
        description: "\(name) is not about streams, or names one already; leave out --stream")
    }
    return whole.flatMap { topic in streams.map { topic + $0.topic } }
  }

  /// A topic with `tap/` before it and no `*` behind it.
  private static func complete(_ topic: String) throws(Unknown) -> String {
    let plain = topic.hasSuffix("*") ? String(topic.dropLast()) : topic
    let known = ofStreams + published + others
    func isKnown(_ topic: String) -> Bool {
      known.contains { $0.hasPrefix(topic) || topic.hasPrefix($0) }
    }
    if isKnown(plain) { return plain }
    if isKnown("tap/" + plain) { return "tap/" + plain }
    let begin = plain.split(separator: "/", omittingEmptySubsequences: false)
    let words = begin.first == "tap" ? begin.dropFirst() : begin[...]
    let shown = words.prefix(2).joined(separator: "/")
    let short = known.map { $0.hasPrefix("tap/") ? String($0.dropFirst(4).dropLast()) : $0 }
    let hint = NearestName.of(shown, among: short).map { "did you mean \"\($0)\"?" }
    throw Unknown(
      description: "there is no topic \"\(topic)\"; "
        + (hint ?? "expected one of \(short.joined(separator: ", "))"))
  }
}
