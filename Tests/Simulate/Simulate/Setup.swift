/// What is simulated: a pipeline, its processes, and what clients send; the first line of a fixture.
struct Setup: Codable, Equatable {
  /// What the model's weights and chance inside SQLite are drawn from.
  var seed: UInt64
  var input: InputKind
  /// 0: an answer at the end; 1: for each step; n: for every n steps.
  var emitEvery: Int
  var durability: String
  /// Whether each stage is a process of its own, with a store of its own.
  var isSplit: Bool
  var workers: Int
  var batch: Int
  var checkpointMilliseconds: UInt64
  /// Nil for never.
  var parkMilliseconds: UInt64?
  var liveStreams: Int
  var clients: Int
  /// Elements that a client sends of a stream at once when it is left to itself; nil for 200.
  var piece: Int?
  var streams: [StreamScript]

  /// What clients send.
  enum InputKind: String, Codable, CaseIterable {
    case ids
    case values
    case words
  }
}

/// What one stream is to be sent, life after life.
struct StreamScript: Codable, Equatable {
  var name: String
  /// The index of the client that sends it.
  var client: Int
  var lives: [LifeScript]
}

/// One life of a stream, from START.
struct LifeScript: Codable, Equatable {
  /// The producer's incarnation; grows from life to life.
  var epoch: UInt64
  /// The first element's number.
  var first: UInt64
  /// Token ids, rows by their number (`SimulatedModel.row`), or bytes of text; -1 is one that is refused.
  var elements: [Int]
  /// Elements in front of which RESET stands.
  var resets: [Int]
  /// Whether END stands behind it; otherwise the next life's START ends it, or nothing.
  var ends: Bool
}
