import Glibc
import Testing
import Wire

/// What operators and machines do to a daemon, row by row of the table in Docs/reliability.md.
struct OperatorFaultTests {
  @Test("fault 30: an alias bomb is refused at once", arguments: ["value", "key", "section"])
  func anAliasBombIsRefusedAtOnce(place: String) throws {
    let folder = try TemporaryFolder()
    var lines = ["traces: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    // Ten to the power of thirty, were it written out.
    for level in 1..<30 {
      let alias = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
      lines.append("x\(level): &a\(level) [\(alias)]")
    }
    switch place {
    case "value": lines.append("labels: *a29")
    case "key": lines.append("? *a29\n: 1")
    default: lines.append("sink: { file: *a29 }")
    }
    let path = try folder.write(
      "p.yaml", "model: m.keras\n" + lines.joined(separator: "\n") + "\n")
    for command in ["check", "run"] {
      let process = try ChildProcess.run([command, path])
      #expect(process.exitCode == 78)
      #expect(process.errorLines.count == 1, "\(process.errorLines)")
      #expect(
        process.errorLines.first?.contains("p.yaml: uses more than 32 aliases") == true,
        "\(process.errorLines)")
      #expect((process.errorLines.first?.utf8.count ?? .max) < 1000)
    }
  }

  /// Ending at once is a crash to the store, and costs what a crash costs.
  @Test("fault 31: behind a second SIGTERM the store goes on where it was")
  func behindASecondSignalTheStoreGoesOn() throws {
    let running = try RunningPipeline(.hello, durability: "fsync")
    let pipe = try ChildProcess(["pipe", running.file, "--connect"])
    let text = String(repeating: "hello", count: 3000)
    pipe.write(Array("{\"stream\":\"a\",\"text\":\"\(text)\"}\n".utf8))
    try pipe.read(until: "answers") { $0.outputLines.count > 100 }
    running.daemon.process.signal(SIGTERM)
    try running.daemon.waitFor(event: "stopping")
    let code = try running.daemon.terminate(SIGTERM)
    // A fast machine has drained before the second signal comes.
    #expect([0, 128 + SIGTERM].contains(code))
    try running.start(0)
    pipe.write(Array("{\"stream\":\"a\",\"text\":\"h\",\"end\":true}\n".utf8))
    pipe.closeInput()
    #expect(try pipe.waitForExit() == 0, "\(pipe.errorLines)")
    try running.stop()
    let alone = try ChildProcess.run(
      ["pipe", running.folder.write("plain.yaml", PipelineText.hello.text(ingress: "ipc://x"))],
      input: "\(text)h")
    let expected = alone.outputLines.map { $0.replacing("\"stdin\"", with: "\"a\"") }
    #expect(expected.count == 15_001)
    #expect(pipe.outputLines == expected)
    #expect(try running.folder.lines(of: "output.jsonl") == expected)
  }

  /// A process that gets no processor for a while is held up as a whole: no loop of it is stuck.
  @Test("fault 34: a daemon that is starved of CPU is not called stuck when it goes on")
  func aStarvedDaemonIsNotCalledStuck() throws {
    let notices = try NotifySocket()
    let folder = try TemporaryFolder()
    let path = try folder.write(
      "p.yaml", PipelineText.hello.text(ingress: "ipc://\(folder.file("in"))"))
    let daemon = try DaemonProcess(
      ["run", path], variables: ["NOTIFY_SOCKET": notices.path, "WATCHDOG_USEC": "2000000"])
    _ = try notices.next("READY=1")
    for _ in 0..<3 {
      _ = try notices.next("WATCHDOG=1")
      daemon.process.signal(SIGSTOP)
      // Longer than a loop may take for one turn, which is half of the interval.
      usleep(1_300_000)
      daemon.process.signal(SIGCONT)
      _ = try notices.next("WATCHDOG=1")
    }
    #expect(try daemon.terminate() == 0)
    let said = daemon.process.errorLines.filter { $0.contains("no ping to the watchdog") }
    #expect(said.isEmpty, "\(said)")
  }
}
