import Synchronization
import Tracing
import Wire

/// A span on its way to the file.
package final class FileSpan: Span {
  private struct Content {
    var operationName: String
    var attributes: SpanAttributes = [:]
    var status: SpanStatus?
    var isRecording = true
  }

  package let context: ServiceContext
  private let parent: TraceParent?
  private let own: TraceParent
  private let kind: SpanKind
  private let startNanoseconds: UInt64
  private let tracer: FileTracer
  private let content: Mutex<Content>

  init(
    _ operationName: String, context: ServiceContext, kind: SpanKind, startNanoseconds: UInt64,
    tracer: FileTracer
  ) {
    parent = context[TraceParentKey.self]
    own = TraceParent(
      traceID: parent?.traceID ?? FileSpan.digits(2), spanID: FileSpan.digits(1), isSampled: true)
    var context = context
    context[TraceParentKey.self] = own
    self.context = context
    self.kind = kind
    self.startNanoseconds = startNanoseconds
    self.tracer = tracer
    content = Mutex(Content(operationName: operationName))
  }

  /// So many times 16 digits by chance, never all zero.
  private static func digits(_ count: Int) -> String {
    (0..<count).map { _ in
      let text = String(UInt64.random(in: 1...UInt64.max), radix: 16)
      return String(repeating: "0", count: 16 - text.utf8.count) + text
    }.joined()
  }

  package var operationName: String {
    get { content.withLock { $0.operationName } }
    set { content.withLock { $0.operationName = newValue } }
  }

  package var attributes: SpanAttributes {
    get { content.withLock { $0.attributes } }
    set { content.withLock { $0.attributes = newValue } }
  }

  package var isRecording: Bool { content.withLock { $0.isRecording } }

  package func setStatus(_ status: SpanStatus) { content.withLock { $0.status = status } }

  /// Nothing here has events or links; they are left out.
  package func addEvent(_ event: SpanEvent) {}

  package func addLink(_ link: SpanLink) {}

  package func recordError<Instant: TracerInstant>(
    _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant
  ) {
    setStatus(SpanStatus(code: .error, message: "\(error)"))
  }

  package func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
    let finished = content.withLock { content -> Content? in
      guard content.isRecording else { return nil }
      content.isRecording = false
      return content
    }
    guard let finished else { return }
    tracer.take(json(finished, endNanoseconds: instant().nanosecondsSinceEpoch))
  }

  // MARK: OTLP

  private func json(_ content: Content, endNanoseconds: UInt64) -> String {
    var text = "{\"traceId\":\"\(own.traceID)\",\"spanId\":\"\(own.spanID)\""
    if let parent { text += ",\"parentSpanId\":\"\(parent.spanID)\"" }
    text += ",\"name\":\(JSONText.quoted(content.operationName)),\"kind\":\(kindNumber)"
    text += ",\"startTimeUnixNano\":\"\(startNanoseconds)\""
    text += ",\"endTimeUnixNano\":\"\(max(startNanoseconds, endNanoseconds))\",\"attributes\":["
    var isFirst = true
    content.attributes.forEach { key, value in
      guard let shown = FileSpan.value(value) else { return }
      if !isFirst { text += "," }
      text += "{\"key\":\(JSONText.quoted(key)),\"value\":{\(shown)}}"
      isFirst = false
    }
    text += "]"
    if let status = content.status {
      text += ",\"status\":{\"code\":\(status.code == .error ? 2 : 1)"
      if let message = status.message { text += ",\"message\":\(JSONText.quoted(message))" }
      text += "}"
    }
    return text + "}"
  }

  private var kindNumber: Int {
    switch kind {
    case .internal: 1
    case .server: 2
    case .client: 3
    case .producer: 4
    case .consumer: 5
    }
  }

  private static func value(_ attribute: SpanAttribute) -> String? {
    switch attribute {
    case .int32(let value): "\"intValue\":\"\(value)\""
    case .int64(let value): "\"intValue\":\"\(value)\""
    case .double(let value): value.isFinite ? "\"doubleValue\":\(value)" : nil
    case .bool(let value): "\"boolValue\":\(value)"
    case .string(let value): "\"stringValue\":\(JSONText.quoted(value))"
    case .stringConvertible(let value): "\"stringValue\":\(JSONText.quoted("\(value)"))"
    default: nil
    }
  }
}
