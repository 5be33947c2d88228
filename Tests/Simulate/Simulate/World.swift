import CFaultyDisk
import Logging
import Millrace
import ZeroMQ

/// A pipeline with its processes, links, disks and clients, on one thread; runs one scenario.
final class World {
  let setup: Setup
  let clock = SimulatedClock()
  let context: Context
  let logger: Logger
  let model: SimulatedModel
  let pipeline: Pipeline
  let folder: String
  private(set) var clients: [SimulatedClient] = []
  private(set) var processes: [SimulatedProcess] = []
  /// Links between stages, in the order of their names.
  private var relays: [Relay] = []
  private let stageNames: [String]
  /// Whether no event of the run loses, delays or repeats anything.
  let isUndisturbed: Bool
  /// Whether clients send again what they have sent.
  let repeats: Bool
  /// Whether data may be refused that may be sent again, so that what is behind it is refused too.
  let refusesForRoom: Bool
  private var place = ""

  /// - Parameters:
  ///   - scenario: what is run.
  ///   - folder: where its stores and its output lie; must exist and be empty.
  ///   - logger: of the stages.
  /// - Throws: a `ZeroMQError` when the system has no more descriptors.
  init(_ scenario: Scenario, folder: String, logger: Logger) throws {
    setup = scenario.setup
    self.folder = folder
    self.logger = logger
    context = try Context()
    faulty_disk_install()
    faulty_disk_seed(setup.seed)
    model = try SimulatedModel(setup)
    pipeline = try model.pipeline(
      setup, output: "\(folder)/output.jsonl", store: "\(folder)/state.sqlite")
    let workers = (0..<setup.workers).map { "inference-\($0)" }
    stageNames = ["tokenizer"] + workers + ["sink"]
    isUndisturbed = !scenario.events.contains { $0.disturbs }
    repeats = scenario.events.contains { $0.what == .again }
    refusesForRoom =
      setup.liveStreams < setup.streams.count || scenario.events.contains { $0.what == .stop }
    for worker in 0..<setup.workers {
      for kind in ["tokens", "answers"] {
        relays.append(Relay("\(kind)-\(worker)", context: context, clock: clock, logger: logger))
      }
    }
    let groups: [(String, [String])] =
      setup.isSplit
      ? [("tokenizer", ["tokenizer"]), ("inference", workers), ("sink", ["sink"])]
      : [("daemon", stageNames)]
    processes = groups.map { name, stages in
      SimulatedProcess(name, stages: stages, storePath: "\(folder)/\(name).sqlite", in: self)
    }
    for index in 0..<setup.clients {
      clients.append(
        try SimulatedClient(
          "client-\(index)", scripts: setup.streams.filter { $0.client == index }, in: self))
    }
  }

  /// Units that a connection may have under way, as Docs/protocol.md says.
  var window: UInt64 {
    (setup.input == .words ? 64 * 1024 : 1024) * (setup.durability == "none" ? 1 : 4)
  }

  /// Whether streams leave memory while they are open.
  var parks: Bool {
    setup.durability != "none"
      && (setup.parkMilliseconds != nil || setup.liveStreams < setup.streams.count)
  }

  func relay(_ name: String) -> Relay {
    guard let relay = relays.first(where: { $0.name == name }) else {
      preconditionFailure("\(name) is no link")
    }
    return relay
  }

  func lives(of script: StreamScript) -> [SentLife] {
    script.lives.map {
      SentLife($0, ExpectedAnswers(of: $0, stream: script.name, model, setup), stream: script.name)
    }
  }

  // MARK: Running

  /// Lets everything happen, then lets it come to rest, and checks what is left.
  ///
  /// - Throws: a `Violation` where a promise is broken.
  func run(_ events: [Event]) throws {
    place = "the start"
    for process in processes { try start(process) }
    for (index, event) in events.enumerated() {
      place = "event \(index + 1) (\(event.what) \(event.at))"
      logger.debug("\(place)")
      try take(event)
    }
    place = "the end"
    try settle()
    try checkAtRest()
    try drain()
    try checkOutput()
  }

  private func take(_ event: Event) throws {
    switch event.what {
    case .turn: try turn(event.at)
    case .round:
      for _ in 0..<(event.count ?? 1) { try round() }
      for client in clients { try client.act() }
    case .stages: for _ in 0..<(event.count ?? 1) { try round(withClients: false) }
    case .deliver: try deliver(event)
    case .send: try client(of: event.at)?.send(event.at, count: event.count ?? 1)
    case .again:
      client(of: event.at)?.sendAgain(event.at, back: event.back ?? 1, count: event.count ?? 1)
    case .greet: clients.first { $0.name == event.at }?.greet()
    case .move: try clients.first { $0.name == event.at }?.move()
    case .commit:
      guard let process = process(event.at) else { return }
      let storeDied = process.commit(dies: event.dies, torn: event.torn)
      if storeDied { try crash(process, power: event.power) }
    case .pass: clock.pass(milliseconds: UInt64(event.count ?? 1))
    case .cut: try cut(event)
    case .crash:
      guard let process = process(event.at), process.isRunning else { return }
      try crash(process, power: event.power)
    case .stop: process(event.at)?.stop()
    case .start: if let process = process(event.at) { try start(process) }
    case .disk: if let disk = event.disk { process(event.at)?.setDisk(disk) }
    }
  }

  private func process(_ name: String) -> SimulatedProcess? {
    processes.first { $0.name == name }
  }

  private func client(of stream: String) -> SimulatedClient? {
    guard let script = setup.streams.first(where: { $0.name == stream }) else { return nil }
    return clients[script.client]
  }

  private func start(_ process: SimulatedProcess) throws {
    do {
      try process.start()
    } catch {
      throw violation(
        "a process starts with what it left", "\(process.name)", "a start", "\(error)")
    }
  }

  private func turn(_ stage: String) throws {
    guard let process = processes.first(where: { $0.stageNames.contains(stage) }),
      process.isRunning
    else { return }
    do {
      try process.turn(stage)
    } catch let error as Violation {
      throw error
    } catch {
      guard process.disk == .broken else {
        throw violation("a stage goes on", stage, "a turn", "\(error)")
      }
      // Its disk failed: it ends, and says why. What was not synced may be lost.
      return try crash(process, power: setup.durability == "fsync" ? setup.seed : nil)
    }
    if !process.isRunning { try detach(process, arriving: .max, lost: 0) }
    for relay in relays { try relay.gather() }
    for client in clients { for relay in client.links { try relay.gather() } }
  }

  private func deliver(_ event: Event) throws {
    let count = event.count ?? 1
    for relay in links(event.at) {
      if event.back != nil {
        try relay.deliverOutward(count)
      } else {
        try relay.deliverInward(count)
      }
    }
  }

  /// The link of a name; of a client, also those that it left.
  private func links(_ name: String) -> [Relay] {
    if let client = clients.first(where: { $0.name == name }) { return client.links }
    return relays.filter { $0.name == name }
  }

  private func cut(_ event: Event) throws {
    let (arriving, lost) = (event.count ?? 0, event.lost ?? 0)
    if let client = clients.first(where: { $0.name == event.at }) {
      return try client.cut(arriving: arriving, lost: lost, isTold: event.told ?? false)
    }
    guard setup.isSplit else { return }
    _ = try relays.first { $0.name == event.at }?.cut(arriving: arriving, lost: lost)
  }

  /// A process is gone: so are the ends of its links.
  private func crash(_ process: SimulatedProcess, power: UInt64?) throws {
    process.die()
    try detach(process, arriving: 1, lost: 3)
    do {
      try process.settleDisk(power: power, output: "\(folder)/output.jsonl")
    } catch {
      throw violation(
        "a store opens behind a crash", process.name, "what was committed", "\(error)")
    }
  }

  /// A process has ended: `arriving` messages that it sent still arrive, `lost` of those to it are lost.
  private func detach(_ process: SimulatedProcess, arriving: Int, lost: Int) throws {
    for stage in process.stageNames {
      switch stage {
      case "tokenizer":
        for worker in 0..<setup.workers {
          try relay("tokens-\(worker)").senderDied(arriving: arriving)
        }
        for client in clients {
          try client.ingressDied(arriving: arriving, lost: lost, inOrder: process.hasEndedInOrder)
        }
      case "sink":
        for worker in 0..<setup.workers {
          _ = try relay("answers-\(worker)").receiverDied(arriving: arriving, lost: lost)
        }
      default:
        let worker = stage.dropFirst("inference-".count)
        try relay("answers-\(worker)").senderDied(arriving: arriving)
        _ = try relay("tokens-\(worker)").receiverDied(arriving: arriving, lost: lost)
      }
    }
  }

  // MARK: Coming to rest

  /// No more faults: until every client has all that it is owed.
  private func settle() throws {
    for client in clients { client.rest() }
    // A step may take a turn of its own.
    let steps = clients.reduce(0) { $0 + $1.lives.reduce(0) { $0 + $1.count } }
    for count in 0..<700 + steps {
      for process in processes { process.setDisk(.fine) }
      try roundAtRest()
      clock.pass(milliseconds: count < 500 ? 20 : 500)
      if clients.allSatisfy(\.isDone) { return }
    }
    throw violation(
      "everything is answered in the end", "after minutes without a fault", "all of it",
      clients.filter { !$0.isDone }.map { "\($0.name): \($0.standing)" }.joined(separator: "\n"))
  }

  func roundAtRest() throws {
    for process in processes { try start(process) }
    try round()
    for client in clients {
      try client.checkIsServed()
      try client.act()
    }
  }

  /// All that is under way arrives, and everybody takes a turn.
  private func round(withClients: Bool = true) throws {
    let clientLinks = withClients ? clients.flatMap(\.links) : []
    for relay in clientLinks { try relay.deliverInward(.max) }
    for relay in relays {
      try relay.deliverInward(.max)
      try relay.deliverOutward(.max)
    }
    for stage in stageNames { try turn(stage) }
    for process in processes { _ = process.commit(dies: nil, torn: nil) }
    for relay in clientLinks { try relay.deliverOutward(.max) }
  }

  /// Tells everybody to stop, as SIGTERM does.
  private func drain() throws {
    for process in processes {
      process.stop()
      for _ in 0..<2000 where process.isRunning {
        for relay in relays {
          try relay.deliverInward(.max)
          try relay.deliverOutward(.max)
        }
        for stage in stageNames { try turn(stage) }
        for process in processes { _ = process.commit(dies: nil, torn: nil) }
        clock.pass(milliseconds: 20)
      }
      guard !process.isRunning else {
        throw violation("a process that is told to stop ends", process.name, "an end", "none")
      }
    }
  }

  func violation(
    _ promise: String, _ spot: String, _ expected: String, _ received: String
  ) -> Violation {
    Violation(promise, at: "\(place): \(spot)", expected: expected, received: received)
  }
}
