import CFaultyDisk
import Durability
import Foundation
import Logging
import Millrace
import ZeroMQ

/// A process of the pipeline: the loops of its stages, and their store.
final class SimulatedProcess {
  let name: String
  /// In the order in which they drain.
  let stageNames: [String]
  let storePath: String
  private unowned let world: World
  private(set) var loops: [(name: String, loop: any StageLoop, stop: Signal)] = []
  private(set) var store: StateStore?
  private(set) var metrics = MetricsCollection()
  /// Starts so far, for addresses that were never used.
  private var starts = 0
  private(set) var isRunning = false
  /// Whether it was told to drain.
  private(set) var isStopping = false
  private var stoppedAtMilliseconds: UInt64 = 0
  /// Whether it drained and saved all before it ended, as far as can be seen from outside: one that waits
  /// in vain gives up after ten seconds.
  private(set) var hasEndedInOrder = false
  /// What the disk is like; a broken one ends the process.
  private(set) var disk = Event.DiskState.fine

  init(_ name: String, stages: [String], storePath: String, in world: World) {
    self.name = name
    stageNames = stages
    self.storePath = storePath
    self.world = world
  }

  deinit {
    // The disk is there until all that is on it is closed.
    die()
    faulty_disk_forget(storePath)
  }

  // MARK: Life

  /// Opens the store and begins the stages, the sink first.
  func start() throws {
    guard !isRunning else { return }
    starts += 1
    metrics = MetricsCollection()
    let pipeline = world.pipeline
    if let section = pipeline.file.store {
      store = try StateStore(
        committedByCallerAt: storePath, durability: section.durability, owner: ["simulated": "1"],
        rowsPerCommit: 3)
    }
    loops = []
    for name in stageNames.reversed() {
      let stop = try Signal()
      let loop = try makeLoop(name, pipeline, stop)
      try loop.begin()
      loops.insert((name, loop, stop), at: 0)
    }
    isRunning = true
  }

  private func makeLoop(
    _ stage: String, _ pipeline: Pipeline, _ stop: Signal
  ) throws -> any StageLoop {
    let control = StageControl(
      context: world.context, logger: world.logger, stop: stop, ready: {},
      drainIdleMilliseconds: world.setup.isSplit ? 500 : 0, metrics: metrics,
      guarding: EndpointGuard(), spans: .none,
      clock: world.clock.stageClock(aheadMilliseconds: UInt64(starts) * 12_345))
    let own = "inproc://\(stage)/\(starts)"
    switch stage {
    case "tokenizer":
      let tokens = "inproc://to-workers/\(starts)"
      for worker in 0..<world.setup.workers {
        try world.relay("tokens-\(worker)").listen(at: Endpoint.worker(worker, of: tokens))
      }
      let endpoints = StageEndpoints(ingress: own, tokens: tokens, answers: "")
      let loop = try TokenizerLoop(pipeline.tokenizer(endpoints, store), control)
      for client in world.clients { try client.ingressBegan(at: own) }
      return loop
    case "sink":
      let endpoints = StageEndpoints(ingress: "", tokens: "", answers: own)
      let loop = try SinkLoop(pipeline.sink(.daemon, endpoints, store), control)
      for worker in 0..<world.setup.workers {
        try world.relay("answers-\(worker)").receiverBegan(at: own)
      }
      return loop
    default:
      guard let worker = Int(stage.dropFirst("inference-".count)) else {
        preconditionFailure("\(stage) is no stage")
      }
      let answers = "\(own)/to-sink"
      try world.relay("answers-\(worker)").listen(at: answers)
      let endpoints = StageEndpoints(ingress: "", tokens: own, answers: answers)
      let loop = try InferenceLoop(
        pipeline.inference(worker, endpoints, reply: true, store), control)
      try world.relay("tokens-\(worker)").receiverBegan(at: Endpoint.worker(worker, of: own))
      return loop
    }
  }

  /// Ends it where it stands: nothing that it has in memory reaches anything any more.
  func die() {
    faulty_disk_kill(storePath)
    loops = []
    store = nil
    isRunning = false
    isStopping = false
    hasEndedInOrder = false
  }

  /// What is on the disk behind its death; `power` is chance where the power was cut too.
  func settleDisk(power: UInt64?, output: String) throws {
    if let power {
      faulty_disk_cut_power(storePath, power)
      if stageNames.contains("sink") { try loseOutput(output, power) }
    } else {
      faulty_disk_revive(storePath)
    }
    disk = .fine
  }

  /// Of the output, what was not synced with a commit is there as chance wants it.
  private func loseOutput(_ output: String, _ power: UInt64) throws {
    guard FileManager.default.fileExists(atPath: output), world.pipeline.file.store != nil else {
      return
    }
    let store = try StateStore(
      committedByCallerAt: storePath, durability: .fsync, owner: ["simulated": "1"])
    let committed = try store.outputLength() ?? 0
    let file = try FileHandle(forWritingTo: URL(filePath: output))
    let written = Int64(try file.seekToEnd())
    if written > committed {
      try file.truncate(
        atOffset: UInt64(committed) + power % UInt64(written - committed + 1))
    }
    try file.close()
  }

  /// Tells it to drain: the first stage now, each of the others when the one before is done.
  func stop() {
    guard isRunning, !isStopping else { return }
    isStopping = true
    stoppedAtMilliseconds = world.clock.milliseconds
    loops.first?.stop.raise()
  }

  /// Lets one of its stages take a turn.
  ///
  /// - Throws: what the stage threw.
  func turn(_ stage: String) throws {
    guard let index = loops.firstIndex(where: { $0.name == stage }) else { return }
    if try loops[index].loop.turn() { return }
    loops.remove(at: index)
    loops.first?.stop.raise()
    guard loops.isEmpty else { return }
    hasEndedInOrder = world.clock.milliseconds < stoppedAtMilliseconds + 10_000
    store?.finish()
    store = nil
    faulty_disk_revive(storePath)
    disk = .fine
    isRunning = false
    isStopping = false
  }

  func setDisk(_ state: Event.DiskState) {
    guard store != nil, disk != .broken else { return }
    disk = state
    faulty_disk_set_full(storePath, state == .full ? 1 : 0)
    faulty_disk_set_broken(storePath, state == .broken ? 1 : 0)
  }

  /// Commits; with `dies`, the process dies behind so many writes, if there are as many.
  ///
  /// - Returns: whether it has died.
  func commit(dies: Int?, torn: Int?) -> Bool {
    guard let store else { return false }
    if let dies { faulty_disk_die_after(storePath, Int32(dies), Int32(torn ?? 0)) }
    _ = store.commitGathered()
    if faulty_disk_is_dead(storePath) != 0 { return true }
    faulty_disk_die_after(storePath, -1, 0)
    return false
  }

  // MARK: What it shows

  /// A value of `/metrics`, summed over the lines that begin so.
  func metric(_ name: String) -> Double {
    metrics.registry.text.split(separator: "\n").filter { $0.hasPrefix(name) }
      .reduce(0) { $0 + (Double($1.split(separator: " ").last ?? "") ?? 0) }
  }
}
