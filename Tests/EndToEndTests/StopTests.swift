import Glibc
import Testing
import Wire

/// How a daemon ends.
struct StopTests {
  private static let row = [Float](repeating: 0.5, count: 9)

  private func steps(_ count: Int) -> InputData {
    .values([[Float]](repeating: Self.row, count: count))
  }

  @Test("fault 31: SIGTERM under load drains", arguments: [SIGTERM, SIGINT])
  func theFirstSignalDrains(signal: Int32) throws {
    let running = try RunningPipeline(.motion)
    let client = try running.client()
    try client.send(steps(1000), to: "a", number: 0)
    #expect(try client.receive(.acknowledge, of: "a").header.number == 1000)
    running.daemon.process.signal(signal)
    let answers = try client.answers(of: "a", steps: 1000)
    #expect(answers.reduce(0) { $0 + Int($1.header.count) } == 1000)
    #expect(try running.daemon.process.waitForExit() == 0)
    let log = running.daemon.process.errorLines
    #expect(log.contains { $0.contains("msg=stopping") })
    #expect(log.last?.contains("msg=stopped") == true)
  }

  @Test func threeProcessesDrainOneIntoTheNext() throws {
    let folder = try TemporaryFolder()
    var pipeline = PipelineText.motion
    pipeline.sink = ["file: \(folder.file("out.jsonl"))"]
    let running = try RunningPipeline(pipeline, isSplit: true)
    let client = try running.client()
    try client.send(steps(1000), to: "a", number: 0)
    #expect(try client.receive(.acknowledge, of: "a").header.number == 1000)
    try running.stop()
    let numbers = try folder.lines(of: "out.jsonl").map { try OutputLine($0).number }
    #expect(numbers == Array(0..<1000))
  }

  /// Whoever has lost the connection a moment before gets the answers behind the next start.
  ///
  /// The file has them once, also where nothing else is sent, and behind a third start. Nothing is
  /// computed again.
  @Test(arguments: [false, true])
  func theNextStartOffersWhatAStopFoundYoung(isSplit: Bool) throws {
    let folder = try TemporaryFolder()
    var pipeline = PipelineText.hello
    pipeline.sink = ["file: \(folder.file("out.jsonl"))"]
    pipeline.more = ["state: { store: \(folder.file("state.sqlite")), checkpoint: 1h }"]
    let running = try RunningPipeline(pipeline, isSplit: isSplit)
    let first = try running.client()
    try first.send(.text("hell"), to: "open", number: 0)
    try first.send(.text("hello"), to: "ended", number: 0, flags: .end)
    try first.send(.text("he"), to: "bare", number: 0)
    try first.send(.none, to: "bare", number: 2, flags: .end)
    let open = try first.answers(of: "open", steps: 4).flatMap(\.payload)
    let ended = try first.answersToEnd(of: "ended").flatMap(\.payload)
    let bare = try first.answersToEnd(of: "bare").flatMap(\.payload)
    for _ in 0..<2 {
      let duration = try ContinuousClock().measure { try running.stop() }
      #expect(duration < .seconds(5), "a stop waits for no checkpoint")
      for index in running.processes.indices { try running.start(index, waits: false) }
      for process in running.processes { try process.waitUntilReady() }
      #expect(!running.daemon.process.errorLines.contains { $0.contains("msg=replaying") })
      let client = try running.client()
      let welcome = try client.hello(["open": 0, "ended": 0, "bare": 0])
      #expect(welcome.streams["open"]?.expected == 4)
      #expect(welcome.streams["ended"]?.closed == true)
      #expect(try client.answers(of: "open", steps: 4).flatMap(\.payload) == open)
      #expect(try client.answersToEnd(of: "ended").flatMap(\.payload) == ended)
      #expect(try client.answersToEnd(of: "bare").flatMap(\.payload) == bare)
    }
    try running.stop()
    let lines = try folder.lines(of: "out.jsonl").map { try OutputLine($0) }
    for (stream, count) in [("open", UInt64(4)), ("ended", 5), ("bare", 2)] {
      let numbers = lines.filter { $0.stream == stream && $0.label != nil }.map(\.number)
      #expect(numbers == Array(0..<count), "\(stream)")
    }
  }

  /// Somebody who was away when it was told to stop, and stays away behind the next start: a kill within
  /// that minute takes nothing away.
  @Test func aKillBehindAStopTakesNothingAway() throws {
    let folder = try TemporaryFolder()
    var pipeline = PipelineText.hello
    pipeline.more = ["state: { store: \(folder.file("state.sqlite")), checkpoint: 50ms }"]
    let running = try RunningPipeline(pipeline)
    let first = try running.client()
    try first.send(.text("hell"), to: "a", number: 0)
    let answers = try first.answers(of: "a", steps: 4).flatMap(\.payload)
    try running.stop()
    try running.start(0)
    try running.crash(0)
    let client = try running.client()
    #expect(try client.hello(["a": 0]).streams["a"]?.expected == 4)
    #expect(try client.answers(of: "a", steps: 4).flatMap(\.payload) == answers)
    // What was left is known to belong to what was before this.
    try client.send(.text("o"), to: "a", number: 4)
    _ = try client.answers(of: "a", steps: 1)
    try running.stop()
    try running.start(0)
    let third = try running.client()
    #expect(try third.hello(["a": 0]).streams["a"]?.expected == 5)
    let all = try third.answers(of: "a", steps: 5)
    #expect(all.last?.header.end == 5)
    #expect(all.flatMap(\.payload).starts(with: answers))
  }

  @Test func dataThatComesWhileStoppingIsRefused() throws {
    // One long text takes seconds, so that the stop finds it under way.
    let running = try RunningPipeline(.hello)
    let client = try running.client()
    let text = [UInt8](repeating: UInt8(ascii: "h"), count: 60_000)
    try client.send(.text(text), to: "a", number: 0)
    _ = try client.receive(.answer, of: "a")
    running.daemon.process.signal(SIGTERM)
    try running.daemon.waitFor(event: "stopping")
    try client.send(.text("h"), to: "b", number: 0)
    var refusal: Refusal?
    var answered = 0
    while answered < 59_000 {
      let message = try client.receive()
      if message.header.kind == .refuse { refusal = try message.refusal() }
      if message.header.kind == .answer {
        answered = Int(message.header.number) + Int(message.header.count)
      }
    }
    // The signal reaches the stage a moment behind the log line: by then the text may have been
    // accepted, and is answered.
    if let refusal {
      #expect(refusal.code == .stopping)
      #expect(refusal.retry)
    }
    #expect(try running.daemon.process.waitForExit() == 0)
  }

  @Test("fault 31: the second signal ends at once")
  func theSecondSignalEndsAtOnce() throws {
    let running = try RunningPipeline(.hello)
    let client = try running.client()
    let text = [UInt8](repeating: UInt8(ascii: "h"), count: 60_000)
    try client.send(.text(text), to: "a", number: 0)
    _ = try client.receive(.answer, of: "a")
    running.daemon.process.signal(SIGTERM)
    try running.daemon.waitFor(event: "stopping")
    #expect(try running.daemon.terminate(SIGTERM) == 128 + SIGTERM)
  }

  @Test func aPortInUseIsSaid() throws {
    let taken = try LoopbackSocket(listeningOn: 0)
    let folder = try TemporaryFolder()
    let endpoint = "tcp://127.0.0.1:\(taken.port)"
    let path = try folder.write("p.yaml", PipelineText.hello.text(ingress: endpoint))
    let process = try ChildProcess.run(["run", path])
    #expect(process.exitCode == 69)
    let line = process.errorLines.last ?? ""
    #expect(line.hasPrefix("millrace: "))
    #expect(line.contains(endpoint) && line.contains("in use"), "\(line)")
    #expect(process.errorLines.filter { $0.hasPrefix("millrace: ") }.count == 1)
  }

  @Test func connectingToNoDaemonIsSaid() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      "p.yaml", PipelineText.hello.text(ingress: "ipc://\(folder.file("in"))"))
    let process = try ChildProcess.run(["pipe", "--connect", path], input: "h")
    #expect(process.exitCode == 69)
    #expect(process.errorLines.count == 1)
    #expect(process.errorLines.last?.contains("no daemon answers at") == true)
  }
}
