import Foundation
import Testing
import Wire

/// What the daemon tells of itself: metrics, health, the stats tap, the list of streams.
struct MonitorTests {
  private static var hello: PipelineText {
    var pipeline = PipelineText.hello
    pipeline.workers = 2
    pipeline.more = ["http: 127.0.0.1:0"]
    return pipeline
  }

  @Test func metricsCountWhatWasSent() throws {
    let running = try RunningPipeline(Self.hello)
    let http = try HTTPClient(running.daemon)
    #expect(try http.get("/readyz").body == "ready\n")
    #expect(try http.get("/healthz").status == 200)
    let client = try running.client()
    for stream in ["a", "b", "c"] { _ = try client.carryOut(Cut.whole(.text("hello"), of: stream)) }
    try client.send(.text("h"), to: "d", number: 7)
    _ = try client.receive(.refuse, of: "d")
    let metrics = try http.wait(for: "millrace_steps_total{stage=\"sink\"}") { $0 == 15 }
    func sum(_ name: String, _ label: String = "") -> Double {
      metrics.filter { $0.key.hasPrefix(name) && (label.isEmpty || $0.key.contains(label)) }.values
        .reduce(0, +)
    }
    #expect(sum("millrace_steps_total", "stage=\"tokenizer\"") == 15)
    #expect(sum("millrace_steps_total", "stage=\"inference-") == 15)
    #expect(sum("millrace_steps_received_total", "stage=\"inference-") == 15)
    #expect(metrics["millrace_messages_total{stage=\"tokenizer\"}"] == 4)
    #expect(metrics["millrace_answers_total"] == 15)
    #expect(metrics["millrace_refused_total{code=\"no-start\"}"] == 1)
    #expect(sum("millrace_refused_total") == 1)
    #expect(sum("millrace_queue_depth") == 0)
    #expect(metrics["millrace_streams_active"] == 0)
    #expect(metrics["millrace_connections"] == 1)
    #expect(metrics["millrace_answer_duration_seconds_count{stage=\"tokenizer\"}"] == 3)
    #expect(sum("millrace_step_duration_seconds_count") >= 3)
    #expect(sum("millrace_kernels_info") == 1)
    #expect(!metrics.keys.contains { $0.contains("\"a\"") }, "no stream's name is a label")
    try running.stop()
  }

  @Test func othersHostsAndOriginsAreForbidden() throws {
    let running = try RunningPipeline(Self.hello)
    let http = try HTTPClient(running.daemon)
    #expect(try http.get("/", host: "localhost:\(http.port)").status == 200)
    #expect(try http.get("/", host: "[::1]:\(http.port)").status == 200)
    #expect(try http.get("/", host: "rebound.example:\(http.port)").status == 403)
    #expect(try http.get("/metrics", headers: ["Origin: http://elsewhere.example"]).status == 403)
    let upgrade = [
      "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ]
    let own = "Origin: http://127.0.0.1:\(http.port)"
    #expect(try http.get("/live", headers: upgrade + [own]).status == 101)
    #expect(try http.get("/live", headers: upgrade + ["Origin: http://127.0.0.1"]).status == 403)
    let nothing = try http.get("/nothing")
    #expect(nothing.status == 404 && nothing.body.contains("/similar?to=TOKEN"))
    #expect(try http.get("/metrics", method: "POST").status == 405)
    try running.stop()
  }

  @Test func anAddressInUseEndsTheDaemonWithItsLine() throws {
    let first = try RunningPipeline(Self.hello)
    let http = try HTTPClient(first.daemon)
    let folder = try TemporaryFolder()
    var pipeline = PipelineText.hello
    pipeline.more = ["http: \(http.port)"]
    let path = try folder.write(
      "second.yaml", pipeline.text(ingress: "ipc://\(folder.file("in"))"))
    let second = try ChildProcess.run(["run", path])
    #expect(second.exitCode == 69)
    #expect(
      second.errorLines.last?.contains("\"http\" 127.0.0.1:\(http.port) is in use") == true)
  }

  @Test(arguments: [
    ("0.0.0.0:9090", "is off loopback (0.0.0.0), where everyone may read all streams"),
    ("example.org:80", "expected HOST:PORT with an address, or a PORT"),
    ("99999", "expected HOST:PORT with an address, or a PORT"),
  ])
  func addressesThatAreRefused(address: String, reason: String) throws {
    let folder = try TemporaryFolder()
    var pipeline = PipelineText.hello
    pipeline.more = ["http: \"\(address)\""]
    let path = try folder.write("p.yaml", pipeline.text(ingress: "ipc://\(folder.file("in"))"))
    let check = try ChildProcess.run(["check", path])
    #expect(check.exitCode == 78)
    #expect(check.errorLines.last?.contains(reason) == true, "\(check.errorLines)")
  }

  @Test func tapsTellTheStatsAndTheStreams() throws {
    let running = try RunningPipeline(.hello, isTapped: true)
    let client = try running.client()
    try client.hello()
    let stats = try TapSubscriber(
      running.monitor, topic: "tap/daemon/stats/", queueMessages: 0)
    let streams = try TapSubscriber(
      running.monitor, topic: "tap/tokenizer/streams/", queueMessages: 0)
    try client.send(.text("hell"), to: "open", number: 0)
    _ = try client.answers(of: "open", steps: 4)
    _ = try client.carryOut(Cut.whole(.text("h"), of: "ended"))
    // The first may have been made before the steps were taken.
    var steps = 0
    let deadline = Deadline.standard
    while steps != 5, !deadline.hasPassed {
      guard let message = try stats.receive(within: .seconds(5)) else { continue }
      #expect(message.stream == "tap/daemon/stats/daemon/")
      let json = try #require(
        try JSONSerialization.jsonObject(with: Data(message.text.utf8)) as? [String: Any])
      let stages = try #require(json["stages"] as? [[String: Any]])
      #expect(
        stages.compactMap { $0["name"] as? String } == ["tokenizer", "inference-0", "sink"])
      steps = stages[0]["steps"] as? Int ?? 0
    }
    #expect(steps == 5)
    let list = try #require(try streams.receive(within: .seconds(5)))
    #expect(list.text.hasPrefix("{\"open\":1,\"streams\":[["))
    #expect(list.text.contains("[\"open\",4,4,0,1]"))
    #expect(list.text.contains("[\"ended\",1,1,0,0]"))
  }

  @Test func topPrintsALineAStageIntoAPipe() throws {
    let running = try RunningPipeline(.hello, isTapped: true)
    _ = try running.client().carryOut(Cut.whole(.text("hello"), of: "a"))
    let file = running.folder.file("pipeline.yaml")
    let top = try ChildProcess.run(["top", file, "--limit", "1", "--sort", "stage"])
    #expect(top.exitCode == 0)
    let cells = top.outputLines.map { $0.split(separator: "\t").map(String.init) }
    #expect(cells.map { $0[1] } == ["STAGE", "tokenizer", "inference-0", "sink"])
    #expect(cells.dropFirst().map { $0[8] } == ["5", "5", "5"])
    let unsorted = try ChildProcess.run(["top", file, "--sort", "nothing"])
    #expect(unsorted.exitCode == 64)
    try running.stop()
  }

  @Test func threeProcessesServeOnePortEach() throws {
    let port = try LoopbackSocket.freePorts(3)
    var pipeline = PipelineText.hello
    pipeline.more = ["http: \(port)"]
    let running = try RunningPipeline(pipeline, isSplit: true)
    _ = try running.client().carryOut(Cut.whole(.text("hello"), of: "a"))
    for (index, stage) in ["tokenizer", "inference-0", "sink"].enumerated() {
      let http = try HTTPClient(running.processes[index])
      #expect(http.port == port + UInt16(index))
      let name = "millrace_messages_total{stage=\"\(stage)\"}"
      _ = try http.wait(for: name) { $0 >= 1 }
    }
    try running.stop()
  }
}
