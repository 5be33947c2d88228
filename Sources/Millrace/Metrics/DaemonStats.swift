import Foundation
import Monitoring

/// What one process counts, as `tap/daemon/stats/PROCESS/` says it once a second.
///
/// Counts grow from the start of the process; `rate`, `p50` and `p99` are of the last interval.
package struct DaemonStats: Codable, Sendable, Equatable {
  package struct Stage: Codable, Sendable, Equatable {
    package var name: String
    package var messages: UInt64
    package var stepsIn: UInt64
    package var steps: UInt64
    /// Steps that came in and are not done with.
    package var queue: UInt64
    /// Steps that it may still send to the next stage.
    package var credit: UInt64
    package var streams: UInt64
    /// Steps a second.
    package var rate: Double
    /// Microseconds: of an answer (tokenizer), a step of a batch (inference), a write (sink).
    package var p50: Double?
    package var p99: Double?
    /// How many took up to 1/8 us, up to 1/4 us, and so on.
    package var durations: [UInt64]
  }

  /// Only the process where clients come in has it.
  package struct Ingress: Codable, Sendable, Equatable {
    package var streams: UInt64
    package var connections: UInt64
    package var answers: UInt64
    package var repeated: UInt64
    package var refused: UInt64
    package var cacheBytes: UInt64
  }

  package var about: PipelineFacts
  /// Seconds since 1970.
  package var time: Double
  /// Seconds since the start.
  package var uptime: Double
  /// Resident memory in bytes.
  package var memory: UInt64
  /// User and system time in seconds.
  package var processor: Double
  package var ingress: Ingress?
  package var stages: [Stage]

  package var json: [UInt8] {
    get throws {
      let encoder = JSONEncoder()
      encoder.keyEncodingStrategy = .convertToSnakeCase
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return Array(try encoder.encode(self))
    }
  }
}

extension DaemonStats {
  /// - Throws: a `DecodingError` for what no daemon of this version sends.
  package init(json: some DataProtocol) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    self = try decoder.decode(DaemonStats.self, from: Data(json))
  }
}

extension DaemonStats.Ingress {
  init(_ metrics: IngressMetrics) {
    self.init(
      streams: metrics.openStreams.value, connections: metrics.connections.value,
      answers: metrics.answers.value, repeated: metrics.repeated.value,
      refused: metrics.refused, cacheBytes: metrics.cacheBytes.value)
  }
}
