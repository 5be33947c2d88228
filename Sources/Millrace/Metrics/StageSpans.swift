import Foundation
import Monitoring
import Tracing
import Wire

/// The spans of one stage: only for messages whose note has a `traceparent` that is sampled, and only
/// where spans are kept.
package struct StageSpans: Sendable {
  private let tracer: (any Tracer)?
  private let pipeline: String
  /// From the monotonic clock to the time since 1970.
  private let offsetNanoseconds: UInt64

  /// `tracer` is nil where no spans are kept.
  package init(tracer: (any Tracer)?, pipeline: String) {
    self.tracer = tracer
    self.pipeline = pipeline
    offsetNanoseconds =
      UInt64(max(0, Date.now.timeIntervalSince1970) * 1e9) &- MonotonicClock.nanoseconds
  }

  /// None are kept.
  package static let none = StageSpans(tracer: nil, pipeline: "")

  /// Whose child a message's span would be; nil where there will be none.
  func parent(of note: UnsafeRawBufferPointer) -> TraceParent? {
    guard tracer != nil, !note.isEmpty, let parent = TraceParent(note: note), parent.isSampled
    else { return nil }
    return parent
  }

  /// Keeps a span between two times of the monotonic clock.
  func keep(
    _ name: String, kind: SpanKind, below parent: TraceParent, from: UInt64, to: UInt64,
    stream: StreamID, number: UInt64, steps: UInt64
  ) {
    guard let tracer else { return }
    func instant(_ nanoseconds: UInt64) -> DefaultTracerClock.Timestamp {
      .init(nanosecondsSinceEpoch: nanoseconds &+ offsetNanoseconds)
    }
    let span = tracer.startSpan(name, context: parent.context, ofKind: kind, at: instant(from))
    span.attributes = [
      "millrace.pipeline": .string(pipeline), "millrace.stream": .string(stream.name),
      "millrace.number": .int64(Int64(clamping: number)),
      "millrace.steps": .int64(Int64(clamping: steps)),
    ]
    span.end(at: instant(to))
  }
}
