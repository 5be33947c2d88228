import Foundation
import Testing
import Wire

/// `sink: { alarm: ... }` in a running daemon.
struct AlarmTests {
  /// In the file behind the answer that made it due, published, in the log; and as `pipe` says it.
  @Test func anAlarmIsToldEverywhere() throws {
    let folder = try TemporaryFolder()
    var pipeline = PipelineText.hello
    let port = try LoopbackSocket.freePorts(1)
    pipeline.sink = [
      "file: \(folder.file("out.jsonl"))", "publish: \"tcp://127.0.0.1:\(port)\"",
      "alarm: { label: l, on: 0.9, on-answers: 2, off: 0.5 }",
    ]
    let running = try RunningPipeline(pipeline)
    let alarms = try TapSubscriber("tcp://127.0.0.1:\(port)", topic: "alarm/", queueMessages: 0)
    let client = try running.client()
    _ = try client.hello()
    // Until the subscription has arrived: one alarm is raised and cleared a time.
    var heard: ReceivedMessage?
    var lives = 0
    let deadline = Deadline.standard
    while heard == nil, !deadline.hasPassed {
      try client.send(.text("hell"), to: "s\(lives)", number: 0, flags: .end)
      _ = try client.answersToEnd(of: "s\(lives)")
      lives += 1
      heard = try alarms.receive(within: .milliseconds(20))
    }
    #expect(heard?.text.contains("\"alarm\":\"raised\",\"of\":\"l\"") == true)
    try running.stop()
    let log = running.daemon.process.errorLines
    let lines = try folder.lines(of: "out.jsonl").filter { $0.contains("\"s0\"") }
    let kinds = lines.map { $0.contains("\"alarm\"") ? "alarm" : "answer" }
    #expect(kinds == ["answer", "answer", "answer", "alarm", "answer", "alarm"])
    #expect(lines[3].hasPrefix(#"{"stream":"s0","number":2,"alarm":"raised","of":"l","score":0.9"#))
    #expect(lines[3].hasSuffix(#","since":1}"#))
    #expect(lines[5].hasPrefix(#"{"stream":"s0","number":3,"alarm":"cleared","of":"l""#))
    #expect(
      log.contains { $0.contains("level=warning") && $0.contains("alarm raised") }, "\(log)")

    let path = try folder.write("p.yaml", pipeline.text(ingress: "ipc://\(folder.file("in"))"))
    let pipe = try ChildProcess.run(["pipe", "--stream", "s0", path], input: "hell")
    #expect(pipe.outputLines == lines.map { $0.replacing(#","end":true}"#, with: "}") })
  }

  @Test(arguments: [
    (#"alarm: { label: z, on: 0.5 }"#, "is none of the labels"),
    (#"alarm: { value: 5, on: 0.5 }"#, "expected one of 0 to 4"),
    (#"alarm: { anomaly: true, on: 0.5 }"#, "but the file has no \"anomaly\""),
  ])
  func anAlarmOfNothingIsRefused(alarm: String, words: String) throws {
    var pipeline = PipelineText.hello
    pipeline.sink = [alarm]
    let folder = try TemporaryFolder()
    let path = try folder.write("p.yaml", pipeline.text(ingress: "ipc://\(folder.file("in"))"))
    let check = try ChildProcess.run(["check", path], input: "")
    #expect(check.exitCode == 78)
    #expect(check.errorLines.contains { $0.contains(words) }, "\(check.errorLines)")
  }
}
