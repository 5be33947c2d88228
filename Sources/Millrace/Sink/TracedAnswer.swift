import Monitoring
import Wire

/// An answer whose message is traced, from its reading to the writing of its lines.
struct TracedAnswer {
  let parent: TraceParent
  let stream: StreamID
  let number: UInt64
  let steps: UInt64
  let readNanoseconds = MonotonicClock.nanoseconds

  init(_ parent: TraceParent, _ stream: StreamID, _ header: Header) {
    self.parent = parent
    self.stream = stream
    number = header.number
    steps = UInt64(header.count)
  }
}
