import Foundation
import Testing
import Wire

/// Spans of messages that carry a `traceparent`: one a stage, below the caller's.
struct SpanTests {
  private struct Line: Decodable {
    struct Resource: Decodable {
      let scopeSpans: [Scope]
    }

    struct Scope: Decodable {
      let spans: [Span]
    }

    let resourceSpans: [Resource]
  }

  private struct Span: Decodable {
    struct Attribute: Decodable {
      struct Value: Decodable {
        var stringValue: String?
        var intValue: String?
      }

      let key: String
      let value: Value
    }

    let traceId: String
    let spanId: String
    let parentSpanId: String?
    let name: String
    let kind: Int
    let startTimeUnixNano: String
    let endTimeUnixNano: String
    let attributes: [Attribute]

    func attribute(_ key: String) -> String? {
      let value = attributes.first { $0.key == key }?.value
      return value?.stringValue ?? value?.intValue
    }
  }

  private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
  private static let caller = "00f067aa0ba902b7"

  @Test func eachStageKeepsASpanBelowTheCallers() throws {
    let folder = try TemporaryFolder()
    var pipeline = PipelineText.hello
    pipeline.more = ["traces: \(folder.file("spans.jsonl"))"]
    let running = try RunningPipeline(pipeline)
    let client = try running.client()
    try client.hello()
    let notes = [
      "{\"traceparent\":\"00-\(Self.trace)-\(Self.caller)-01\"}",
      // Not sampled, none at all, and no trace.
      "{\"traceparent\":\"00-\(Self.trace)-\(Self.caller)-00\"}", "",
      "{\"traceparent\":\"00-xyz-1-01\"}",
    ]
    let began = UInt64(Date.now.timeIntervalSince1970 * 1e9)
    for (index, note) in notes.enumerated() {
      var header = Header(kind: .data)
      header.number = UInt64(2 * index)
      (header.elementType, header.count, header.width) = (.text, 2, 1)
      try client.send(header, stream: "a", payload: Array("he".utf8), note: Array(note.utf8))
      let answers = try client.answers(of: "a", steps: 2)
      // The caller's own is what comes back.
      #expect(answers.allSatisfy { $0.note == Array(note.utf8) })
    }
    try running.stop()
    let spans = try folder.lines(of: "spans.jsonl").flatMap { line in
      try JSONDecoder().decode(Line.self, from: Data(line.utf8)).resourceSpans
        .flatMap(\.scopeSpans).flatMap(\.spans)
    }
    #expect(Set(spans.map(\.name)) == ["millrace.answer", "millrace.inference", "millrace.write"])
    #expect(spans.count == 3)
    #expect(Set(spans.map(\.spanId)).count == 3)
    for span in spans {
      #expect(span.traceId == Self.trace && span.parentSpanId == Self.caller)
      #expect(span.spanId.count == 16)
      #expect(span.kind == (span.name == "millrace.answer" ? 2 : 1))
      let start = try #require(UInt64(span.startTimeUnixNano))
      let end = try #require(UInt64(span.endTimeUnixNano))
      #expect(start <= end && start + 1_000_000_000 > began && end < began + 60_000_000_000)
      #expect(span.attribute("millrace.stream") == "a")
      #expect(span.attribute("millrace.steps") == "2")
      #expect(span.attribute("millrace.number") == "0")
      #expect(span.attribute("millrace.pipeline") == "pipeline")
    }
  }

  @Test func aFileThatCannotBeWrittenIsSaid() throws {
    let folder = try TemporaryFolder()
    var pipeline = PipelineText.hello
    pipeline.more = ["traces: /no/such/spans.jsonl"]
    let path = try folder.write("p.yaml", pipeline.text(ingress: "ipc://\(folder.file("in"))"))
    let process = try ChildProcess.run(["run", path])
    #expect(process.exitCode == 74)
    #expect(process.errorLines.last?.contains("/no/such/spans.jsonl") == true)
  }
}
