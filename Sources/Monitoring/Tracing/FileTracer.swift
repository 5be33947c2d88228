import Foundation
import Synchronization
import Tracing

/// Writes finished spans to a file, one OTLP JSON object a line, as the OpenTelemetry collector's
/// `otlpjsonfile` receiver reads them.
///
/// Stages hand spans over and go on; a thread of the tracer's own writes. What it cannot keep up with
/// is left out and counted.
package final class FileTracer: Tracer {
  package typealias Span = FileSpan

  package struct Failure: Error, CustomStringConvertible {
    package let description: String
  }

  private struct Waiting {
    var lines: [String] = []
    var isClosing = false
  }

  private let handle: FileHandle
  /// What stands before a span in its line.
  private let head: String
  private let waiting = Mutex(Waiting())
  private let hasWork = DispatchSemaphore(value: 0)
  private let isFinished = DispatchSemaphore(value: 0)
  private let droppedCount = Atomic<Int>(0)

  /// Spans that wait to be written; more are left out.
  private static let waitingMax = 10_000

  /// Opens the file, to write behind what is in it.
  ///
  /// - Parameters:
  ///   - path: of the file.
  ///   - service: `service.name` of its spans.
  ///   - version: `service.version`.
  /// - Throws: a `Failure`.
  package init(path: String, service: String, version: String) throws(Failure) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw Failure(description: "cannot write to \(path): \(String(cString: strerror(errno)))")
    }
    handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    head =
      "{\"resourceSpans\":[{\"resource\":{\"attributes\":["
      + "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"\(service)\"}},"
      + "{\"key\":\"service.version\",\"value\":{\"stringValue\":\"\(version)\"}}]},"
      + "\"scopeSpans\":[{\"scope\":{\"name\":\"millrace\"},\"spans\":["
    let thread = Thread { [self] in
      Thread.current.name = "spans"
      write()
    }
    thread.start()
  }

  /// Spans that were left out.
  package var dropped: Int { droppedCount.load(ordering: .relaxed) }

  /// Writes what waits; spans that end behind it are left out.
  package func finish() {
    let wasOpen = waiting.withLock { waiting in
      defer { waiting.isClosing = true }
      return !waiting.isClosing
    }
    guard wasOpen else { return }
    hasWork.signal()
    isFinished.wait()
  }

  private func write() {
    while true {
      hasWork.wait()
      let (lines, isClosing) = waiting.withLock { waiting in
        defer { waiting.lines = [] }
        return (waiting.lines, waiting.isClosing)
      }
      if !lines.isEmpty {
        let text = lines.map { head + $0 + "]}]}]}\n" }.joined()
        do {
          try handle.write(contentsOf: Data(text.utf8))
        } catch {
          // A full disk must not stop the streams.
          droppedCount.add(lines.count, ordering: .relaxed)
        }
      }
      if isClosing { return _ = isFinished.signal() }
    }
  }

  func take(_ span: String) {
    let isTaken = waiting.withLock { waiting in
      guard !waiting.isClosing, waiting.lines.count < FileTracer.waitingMax else { return false }
      waiting.lines.append(span)
      return true
    }
    if isTaken { hasWork.signal() } else { droppedCount.add(1, ordering: .relaxed) }
  }

  // MARK: Tracer

  package func startSpan<Instant: TracerInstant>(
    _ operationName: String, context: @autoclosure () -> ServiceContext,
    ofKind kind: SpanKind, at instant: @autoclosure () -> Instant, function: String,
    file fileID: String, line: UInt
  ) -> FileSpan {
    FileSpan(
      operationName, context: context(), kind: kind,
      startNanoseconds: instant().nanosecondsSinceEpoch, tracer: self)
  }

  package func forceFlush() {}

  package func extract<Carrier, Extract>(
    _ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract
  ) where Extract: Extractor, Extract.Carrier == Carrier {
    context[TraceParentKey.self] =
      extractor.extract(key: "traceparent", from: carrier).flatMap { TraceParent($0) }
  }

  package func inject<Carrier, Inject>(
    _ context: ServiceContext, into carrier: inout Carrier, using injector: Inject
  ) where Inject: Injector, Inject.Carrier == Carrier {
    guard let parent = context[TraceParentKey.self] else { return }
    injector.inject(parent.text, forKey: "traceparent", into: &carrier)
  }
}
