import Testing
import Wire

/// Forks, rewinds and full load beside `millrace model swap`, while several clients send.
struct SwapForkTests {
  private static let same = "Fixtures/swap/other.keras"
  /// Another state: h alone.
  private static let other = "Fixtures/remember/simplernn.keras"
  private static let rewarm = 6

  /// A step as it was answered: its letter, and what came for it.
  private struct Step {
    var token: Int32
    /// Nil until it has been answered.
    var answer: (model: UInt64, row: [Float])?
  }

  /// One stream with all steps that led to where it stands, those of the stream that it was copied from
  /// among them.
  private final class Lineage {
    let name: String
    let client: WireClient
    var steps: [Step]
    /// Steps that have been sent under its own name, or are to be.
    private(set) var next: Int

    init(_ name: String, _ client: WireClient, after steps: [Step] = []) {
      self.name = name
      self.client = client
      self.steps = steps
      next = steps.count
    }

    /// Sends random letters in one message.
    func send(_ count: Int, end: Bool = false, _ chance: inout SeededGenerator) throws {
      let tokens = (0..<count).map { _ in Int32.random(in: 0..<26, using: &chance) }
      try client.send(
        .text(tokens.map { UInt8(ascii: "a") + UInt8($0) }), to: name, number: UInt64(next),
        flags: end ? .end : [])
      steps += tokens.map { Step(token: $0) }
      next += count
    }

    /// Reads answers until all steps below a number have theirs.
    func read(below number: Int) throws {
      while number > 0, steps[number - 1].answer == nil {
        try take(try client.receive(.answer, of: name))
      }
    }

    /// Reads answers through the last.
    func readToEnd() throws {
      var isLast = false
      while !isLast {
        let answer = try client.receive(.answer, of: name)
        try take(answer)
        isLast = answer.isLast
      }
    }

    private func take(_ answer: ReceivedMessage) throws {
      for (row, values) in answer.rows.enumerated() {
        let number = Int(answer.header.number) + row
        guard steps.indices.contains(number) else {
          throw HarnessError.unexpected("\(name): an answer to step \(number) of \(steps.count)")
        }
        // In order and once: the one before has come, and this one has not.
        #expect(number == 0 || steps[number - 1].answer != nil, "\(name) step \(number)")
        #expect(steps[number].answer == nil, "\(name) step \(number) again")
        steps[number].answer = (answer.header.model, values)
      }
    }

    /// It goes on from an earlier number.
    func rewind(to number: Int) {
      steps.removeLast(steps.count - number)
      next = number
    }

    /// Compares every step with a run alone, under the models that its answers name.
    ///
    /// - Returns: whether it went over to the second model.
    func check(_ first: ReferenceModel, _ second: ReferenceModel, _ policy: String) throws -> Bool {
      var reference: ReferenceStream?
      for (number, step) in steps.enumerated() {
        let answer = try #require(step.answer, "\(name) step \(number) has no answer")
        #expect([first.key, second.key].contains(answer.model), "\(name) step \(number)")
        var stream =
          reference ?? ReferenceStream(answer.model == second.key ? second : first)
        if answer.model != stream.model.key {
          #expect(answer.model == second.key, "\(name) step \(number) went back")
          try stream.move(to: second, policy, rewarm: SwapForkTests.rewarm)
        }
        let expected = stream.step(step.token)
        #expect(answer.row == expected, "\(name) step \(number), \(policy)")
        guard answer.row == expected else { return false }
        reference = stream
      }
      return reference?.model.key == second.key
    }
  }

  struct Load: CustomTestStringConvertible {
    var policy: String
    var file: String
    var isSplit = false
    var durability: String?

    var testDescription: String {
      "\(policy), \(isSplit ? "three processes" : "one process"), \(durability ?? "no store")"
    }
  }

  private static func start(_ load: Load) throws -> RunningPipeline {
    var pipeline = PipelineText.remember
    pipeline.workers = 2
    if load.durability == nil {
      pipeline.more = ["state: { keep: 5, checkpoint: 20ms, rewarm: \(rewarm) }"]
      return try RunningPipeline(pipeline, isSplit: load.isSplit)
    }
    return try RunningPipeline(
      pipeline, isSplit: load.isSplit, durability: load.durability, keep: 5, rewarm: rewarm)
  }

  private static func swap(
    to model: ReferenceModel, _ policy: String, _ running: RunningPipeline
  ) throws -> ChildProcess {
    let process = try ChildProcess([
      "model", "swap", model.path, running.file, "--policy", policy,
    ])
    process.closeInput()
    return process
  }

  /// Streams are copied and taken back before, while and after the model is swapped; each goes on as if
  /// it had been alone.
  @Test(arguments: [
    Load(policy: "carry", file: same), Load(policy: "reset", file: other, isSplit: true),
    Load(policy: "rewarm", file: other, durability: "os"),
    Load(policy: "rewarm", file: same, isSplit: true, durability: "os"),
    Load(policy: "drain", file: other),
  ])
  func copiesGoOnBesideASwap(load: Load) throws {
    var chance = SeededGenerator.fresh(for: "copiesGoOnBesideASwap")
    let running = try Self.start(load)
    let (first, second) = (
      try ReferenceModel("Fixtures/remember/model.keras"), try ReferenceModel(load.file)
    )
    let control = try running.control()
    let clients = try (0..<3).map { _ in try running.client() }
    for client in clients { try client.hello() }
    var streams = (0..<6).map { Lineage("s\($0)", clients[$0 % 3]) }
    for stream in streams {
      try stream.send(1, &chance)
      try stream.read(below: 1)
    }
    var (forks, rewinds) = (0, 0)

    func fork() throws {
      let parent = streams[Int.random(in: streams.indices, using: &chance)]
      let name = "f\(forks)"
      // What was sent to it is under way.
      let reply = try control.done(
        #"{"do":"streams.fork","stream":"\#(parent.name)","as":"\#(name)"}"#)
      let number = Int(try #require(reply.number("expected")))
      try parent.read(below: number)
      streams.append(
        Lineage(name, clients[forks % 3], after: Array(parent.steps.prefix(number))))
      forks += 1
    }

    func rewind() throws {
      let stream = streams[Int.random(in: streams.indices, using: &chance)]
      try stream.read(below: stream.next)
      let show = try control.done(#"{"do":"streams.show","stream":"\#(stream.name)"}"#)
      let kept = (show.json["kept"] as? [Int] ?? []).filter { $0 < stream.next }
      guard let number = kept.randomElement(using: &chance) else { return }
      let reply = try control.ask(
        #"{"do":"streams.rewind","stream":"\#(stream.name)","to":\#(number)}"#)
      // A newer one may have taken the place of the oldest meanwhile.
      guard reply.code != "no-checkpoint" else { return }
      #expect(reply.number("was") == UInt64(stream.next))
      stream.rewind(to: Int(try #require(reply.number("expected"))))
      rewinds += 1
    }

    func round() throws {
      for stream in streams {
        try stream.send(Int.random(in: 1...4, using: &chance), &chance)
      }
      if streams.count < 14 { try fork() }
      try rewind()
      for stream in streams { try stream.read(below: stream.next - 4) }
    }

    // Until there is something to go back to.
    let deadline = Deadline.standard
    while rewinds < 2, !deadline.hasPassed { try round() }
    let swap = try Self.swap(to: second, load.policy, running)
    while try !swap.hasEnded() { try round() }
    #expect(try swap.waitForExit() == 0, "\(swap.errorLines)")
    let before = rewinds
    while rewinds < before + 3, !deadline.hasPassed { try round() }
    #expect(forks == 8 && rewinds >= before + 3)
    for stream in streams { try stream.send(2, end: true, &chance) }
    for stream in streams { try stream.readToEnd() }
    var moved = 0
    for stream in streams where try stream.check(first, second, load.policy) { moved += 1 }
    #expect(moved == (load.policy == "drain" ? 0 : streams.count))
    try running.stop()
  }

  /// Clients keep the daemon full while the file is read and streams go over: answers go on coming, and
  /// none is dropped, refused or given twice.
  @Test(arguments: [
    Load(policy: "carry", file: same), Load(policy: "rewarm", file: other, isSplit: true),
    Load(policy: "reset", file: other, durability: "os"),
  ])
  func aSwapUnderFullLoadDropsNothing(load: Load) throws {
    var chance = SeededGenerator.fresh(for: "aSwapUnderFullLoadDropsNothing")
    let running = try Self.start(load)
    let (first, second) = (
      try ReferenceModel("Fixtures/remember/model.keras"), try ReferenceModel(load.file)
    )
    let clients = try (0..<4).map { _ in try running.client() }
    for client in clients { try client.hello() }
    let streams = (0..<16).map { Lineage("s\($0)", clients[$0 % 4]) }
    // Never less than this is under way of each.
    let underWay = 24
    for stream in streams { try stream.send(underWay, &chance) }
    func round() throws {
      for stream in streams { try stream.send(4, &chance) }
      for stream in streams { try stream.read(below: stream.next - underWay) }
    }
    for _ in 0..<3 { try round() }
    let swap = try Self.swap(to: second, load.policy, running)
    var rounds = 0
    while try !swap.hasEnded() {
      try round()
      rounds += 1
    }
    #expect(try swap.waitForExit() == 0, "\(swap.errorLines)")
    // The data path did not wait for the file.
    #expect(rounds > 1)
    for _ in 0..<8 { try round() }
    for client in clients { #expect(try client.refusals().isEmpty) }
    for stream in streams { try stream.send(1, end: true, &chance) }
    for stream in streams { try stream.readToEnd() }
    for stream in streams {
      #expect(try stream.check(first, second, load.policy), "\(stream.name) has not gone over")
    }
    try running.stop()
  }
}
