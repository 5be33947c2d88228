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
  private(set) var processes: [DaemonProcess]
  private let commands: [[String]]

  /// Where its endpoints are encrypted.
  let keys: TestKeys?
  /// What its processes find in the environment.
  var variables: [String: String]

  /// Starts it and waits until it is ready.
  init(
    _ pipeline: PipelineText, over transport: Transport = .ipc, isSplit: Bool = false,
    isTapped: Bool = false, durability: String? = nil, history: String? = nil, keep: Int? = nil,
    expireAfter: String? = nil, rewarm: Int? = nil, keys: TestKeys? = nil,
    on disk: FaultyDisk? = nil, variables: [String: String] = [:]
  ) throws {
    let folder = try keys?.folder ?? disk?.folder ?? TemporaryFolder()
    self.folder = folder
    self.keys = keys
    self.variables = variables.merging(disk?.variables ?? [:]) { _, new in new }
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
    var state = rewarm.map { ["rewarm: \($0)"] } ?? []
    if let durability {
      let store = folder.file("state.sqlite")
      state += [
        "store: \(store)", "durability: \(durability)", "checkpoint: 50ms", "park-after: 100ms",
      ]
      if let history { state.append("history: \(history)") }
      if let keep { state.append("keep: \(keep)") }
      if let expireAfter { state.append("expire-after: \(expireAfter)") }
      pipeline.sink.append("file: \(folder.file("output.jsonl"))")
    }
    if !state.isEmpty { pipeline.more.append("state: { \(state.joined(separator: ", ")) }") }
    if isSplit {
      let answers = endpoint("answers")
      let tokens = endpoint("tokens", ports: pipeline.workers)
      pipeline.more.append("links: { tokens: \"\(tokens)\", answers: \"\(answers)\" }")
    }
    if let keys { pipeline.more.append(keys.section) }
    let path = try folder.write("pipeline.yaml", pipeline.text(ingress: ingress))
    commands =
      isSplit
      ? ["tokenizer", "inference", "sink"].map { ["stage", $0, path] } : [["run", path]]
    let environment = self.variables
    processes = try commands.map { try DaemonProcess($0, variables: environment) }
    for process in processes { try process.waitUntilReady() }
  }

  var daemon: DaemonProcess { processes[0] }

  /// Kills a process and starts it anew.
  func crash(_ index: Int) throws {
    try processes[index].terminate(SIGKILL)
    try start(index)
  }

  /// Kills all of it, takes from the disk what a power cut takes, and starts it anew.
  func cutPower(of disk: FaultyDisk, _ survival: inout FaultyDisk.Survival) throws {
    for process in processes { try process.terminate(SIGKILL) }
    try disk.cutPower(&survival)
    for index in processes.indices {
      processes[index] = try DaemonProcess(commands[index], variables: variables)
    }
    for process in processes { try process.waitUntilReady() }
  }

  /// Starts a process again; without its neighbours, one of three is not ready.
  func start(_ index: Int, waits: Bool = true) throws {
    processes[index] = try DaemonProcess(commands[index], variables: variables)
    if waits { try processes[index].waitUntilReady() }
  }

  /// Lines of the sink's file, with a store.
  func output() throws -> [OutputLine] {
    try folder.lines(of: "output.jsonl").map { try OutputLine($0) }
  }

  /// Where its pipeline file is.
  var file: String { folder.file("pipeline.yaml") }

  func client(_ form: WireClient.Form = .binary) throws -> WireClient {
    try WireClient(ingress, form: form)
  }

  /// A client that has greeted, sent a text to stream `a`, and had an answer to each letter.
  func client(behind text: String, epoch: UInt64 = 0) throws -> WireClient {
    let client = try client()
    try client.hello()
    try client.send(.text(text), to: "a", number: 0, epoch: epoch)
    _ = try client.answers(of: "a", steps: text.utf8.count)
    return client
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
