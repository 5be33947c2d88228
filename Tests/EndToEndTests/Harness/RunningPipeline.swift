import Glibc

/// A pipeline that runs as one daemon, or as three processes of a stage each.
final class RunningPipeline {
  enum Transport: String, CaseIterable {
    case ipc
    case tcp
  }

  let folder: TemporaryFolder
  let ingress: String
  /// Where its taps are, when it was asked for them.
  let monitor: String
  /// Tokenizer, inference, sink; or the daemon alone.
  let processes: [DaemonProcess]

  /// Where its endpoints are encrypted.
  let keys: TestKeys?

  /// Starts it and waits until it is ready.
  init(
    _ pipeline: PipelineText, over transport: Transport = .ipc, isSplit: Bool = false,
    isTapped: Bool = false, keys: TestKeys? = nil
  ) throws {
    let folder = try keys?.folder ?? TemporaryFolder()
    self.folder = folder
    self.keys = keys
    // Each link takes one port for each worker.
    var port = transport == .tcp ? try LoopbackSocket.freePorts(3 + pipeline.workers) : 0
    func endpoint(_ name: String, ports: Int = 1) -> String {
      defer { port += UInt16(ports) }
      return transport == .tcp ? "tcp://127.0.0.1:\(port)" : "ipc://\(folder.file(name))"
    }
    ingress = endpoint("in")
    monitor = endpoint("taps")
    var pipeline = pipeline
    if isTapped { pipeline.more.append("monitor: \(monitor)") }
    if isSplit {
      let answers = endpoint("answers")
      let tokens = endpoint("tokens", ports: pipeline.workers)
      pipeline.more.append("links: { tokens: \"\(tokens)\", answers: \"\(answers)\" }")
    }
    if let keys { pipeline.more.append(keys.section) }
    let path = try folder.write("pipeline.yaml", pipeline.text(ingress: ingress))
    processes =
      isSplit
      ? try ["tokenizer", "inference", "sink"].map { try DaemonProcess(["stage", $0, path]) }
      : [try DaemonProcess(["run", path])]
    for process in processes { try process.waitUntilReady() }
  }

  var daemon: DaemonProcess { processes[0] }

  /// Where its pipeline file is.
  var file: String { folder.file("pipeline.yaml") }

  func client(_ form: WireClient.Form = .binary) throws -> WireClient {
    try WireClient(ingress, form: form)
  }

  /// Stops it, the tokenizer first, so that each stage drains into the next.
  ///
  /// - Throws: `HarnessError.exited` when one of them ends with another code than 0.
  func stop() throws {
    for process in processes {
      let code = try process.terminate(SIGTERM)
      guard code == 0 else {
        throw HarnessError.exited(
          waitingFor: "a clean stop", code: code,
          errors: process.process.errorLines.joined(separator: "\n"))
      }
    }
  }
}
