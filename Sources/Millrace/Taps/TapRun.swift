import UnixSignals
import ZeroMQ

/// `millrace tap`: watches until the limit, or until SIGINT or SIGTERM, which are its usual end.
package struct TapRun: Sendable {
  private let file: PipelineFile
  private let endpoints: [String]
  private let keys: CurveClientKeys?
  private let prefixes: [String]
  private let keptLines: (stream: StreamPattern, number: UInt64)?
  private let limit: UInt64?
  private let format: TapFormat

  /// Watches topics that begin with one of `prefixes`; an empty one is everything.
  ///
  /// `keys` are for endpoints that are encrypted. With `keptLines`, whose pattern names one
  /// stream, it watches that stream's output lines from a number on, which the daemon keeps.
  package init(
    file: PipelineFile, endpoints: [String], keys: CurveClientKeys? = nil, prefixes: [String],
    keptLines: (stream: StreamPattern, number: UInt64)? = nil, limit: UInt64?, format: TapFormat
  ) {
    self.file = file
    self.keptLines = keptLines
    self.endpoints = endpoints
    self.keys = keys
    self.prefixes = prefixes
    self.limit = limit
    self.format = format
  }

  /// `output` gets what is to be printed, `say` what people should know; both on the reader's thread.
  ///
  /// - Returns: how many messages came, and how many were lost.
  package func run(
    output: @escaping @Sendable ([UInt8]) throws -> Void,
    say: @escaping @Sendable (String) -> Void
  ) async throws -> (received: UInt64, lost: UInt64) {
    let stopped = try Signal()
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    let watch = Task {
      for await _ in signals { stopped.raise() }
    }
    defer { watch.cancel() }
    // Beside the reading, which does not wait for it.
    async let hint: Void = sayWhereThereAreNoGates(say)
    let counts = try await onThread(named: "tap") {
      let follower = keptLines.flatMap { pattern, number in
        pattern.stream.map {
          HistoryFollower(
            stream: $0, from: number, token: String(UInt64.random(in: 0 ... .max), radix: 16))
        }
      }
      let reader = try TapReader(
        endpoints: endpoints, keys: keys, prefixes: prefixes, follower: follower, stopped: stopped)
      try reader.run(limit: limit, format: format, output: output, say: say)
      return (received: reader.received, lost: reader.lost)
    }
    try await hint
    return counts
  }

  private func sayWhereThereAreNoGates(_ say: @escaping @Sendable (String) -> Void) async throws {
    guard TapTopics.areOfGates(prefixes) else { return }
    let file = file
    try await onThread(named: "model") {
      if let reason = file.reasonForNoGates { say(reason) }
    }
  }
}
