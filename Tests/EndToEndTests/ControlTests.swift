import Foundation
import Testing
import Wire
import ZeroMQ

/// The control socket: `Docs/protocol.md`, "Control".
struct ControlTests {
  @Test(arguments: [false, true])
  func streamsAreListedAndShown(isSplit: Bool) throws {
    let running = try RunningPipeline(.hello, isSplit: isSplit)
    let client = try running.client()
    try client.send(.text("hel"), to: "a", number: 0)
    try client.send(.text("he"), to: "b", number: 0, flags: .end)
    _ = try client.answers(of: "a", steps: 3)
    _ = try client.answersToEnd(of: "b")
    let control = try running.control()
    let list = try control.done(#"{"do":"streams.list","id":7}"#)
    #expect(list.number("id") == 7)
    let streams = try #require(list.json["streams"] as? [[String: Any]])
    let phases = streams.map { "\($0["stream"] ?? "") \($0["phase"] ?? "") \($0["steps"] ?? "")" }
    #expect(phases.sorted() == ["a open 3", "b ended 2"])
    let show = try control.done(#"{"do":"streams.show","stream":"a"}"#)
    #expect(show.text("stream") == "a")
    #expect(show.number("expected") == 3)
    #expect(show.number("answers") == 3)
    try running.stop()
  }

  @Test func whatIsWrongIsRefusedAndTheSocketGoesOn() throws {
    let running = try RunningPipeline(.hello)
    let control = try running.control()
    let unknown = try control.ask(#"{"do":"streams.lits","id":"x"}"#)
    #expect(!unknown.isDone && unknown.code == "unknown-verb")
    #expect(unknown.text("id") == "x")
    #expect(unknown.message.contains("streams.list"))
    #expect(try control.ask(#"{"do":"streams.show","stream":"nobody"}"#).code == "no-stream")
    #expect(try control.ask("no JSON").code == "bad-request")
    try control.send([Array("{}".utf8), [], [], []])
    #expect(try control.receive().code == "bad-request")
    // As a REQ sends it.
    try control.send([[], Array(#"{"do":"streams.list"}"#.utf8)])
    #expect(try control.receive().isDone)
    // libzmq cuts off who sends more than a message may have.
    let large = try running.control()
    try large.send([[UInt8](repeating: 0x20, count: 5 << 20)])
    #expect(try control.done(#"{"do":"streams.list"}"#).isDone)
    try running.stop()
  }

  /// Nobody answers a request that a daemon took with it.
  @Test func aDaemonThatGoesAwayIsSaidAtOnce() throws {
    let folder = try TemporaryFolder()
    let endpoint = "ipc://\(folder.file("control"))"
    func ask(_ daemon: consuming Socket<Router>) throws -> ChildProcess {
      try daemon.setLinger(.zero)
      try daemon.bind(endpoint)
      let file = try folder.write("p.yaml", PipelineText.hello.text(ingress: "\(endpoint).in"))
      let asking = try ChildProcess(["streams", "list", file, "--from", endpoint])
      asking.closeInput()
      var poller = Poller()
      poller.add(daemon)
      var request = Multipart()
      let deadline = Deadline.standard
      while try !daemon.receive(into: &request), !deadline.hasPassed {
        _ = try poller.wait(timeout: deadline.remaining)
      }
      #expect(request.string(1) == #"{"do":"streams.list"}"#)
      return asking
    }
    let asking = try ask(Socket<Router>(Context()))
    #expect(try asking.waitForExit() == 69)
    #expect(asking.errorLines.last?.contains("went away before it answered") == true)
  }

  @Test func aKeyNeedsThePermissionControl() throws {
    var pipeline = PipelineText.hello
    let port = try LoopbackSocket.freePorts(1)
    pipeline.more = ["control: tcp://127.0.0.1:\(port)"]
    let running = try RunningPipeline(
      pipeline, over: .tcp, keys: TestKeys(["operator": "control", "sender": "send"]))
    func list(_ name: String) throws -> ChildProcess {
      try ChildProcess.run(
        ["streams", "list", running.file, "--client-key", running.folder.file("\(name).key")])
    }
    #expect(try list("operator").exitCode == 0)
    let refused = try list("sender")
    #expect(refused.exitCode == 77)
    #expect(refused.errorLines.last?.contains("may not do this") == true)
    try running.stop()
  }

  @Test func theCommandListsAndShows() throws {
    let running = try RunningPipeline(.hello)
    let client = try running.client()
    try client.send(.text("hel"), to: "a", number: 0)
    _ = try client.answers(of: "a", steps: 3)
    let list = try ChildProcess.run(["streams", "list", running.file])
    #expect(list.exitCode == 0)
    #expect(list.outputLines.count == 1)
    #expect(list.outputLines[0].hasPrefix(#"{"stream":"a","phase":"open","expected":3,"steps":3,"#))
    let show = try ChildProcess.run(["streams", "show", running.file, "b"])
    #expect(show.exitCode == 65)
    #expect(show.errorLines.last == "millrace: there is no stream b; streams list names them")
    try running.stop()
    let alone = try ChildProcess.run(["streams", "list", running.file])
    #expect(alone.exitCode == 69)
    #expect(alone.errorLines.last?.contains("no daemon answers at") == true)
  }
}
