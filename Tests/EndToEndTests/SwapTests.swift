import Foundation
import Glibc
import Testing
import Wire

/// `millrace model swap` on daemons with live streams.
struct SwapTests {
  private static let letters = "abcdefghijklmnopqrstuvwxyz"

  /// The letter that stream `stream` has at a step: another text each.
  private static func token(_ stream: Int, _ step: Int) -> Int32 {
    Int32((stream * 5 + step * 7 + step * step % 11) % 26)
  }

  private static func text(_ tokens: [Int32]) -> String {
    let all = Array(letters)
    return String(tokens.map { all[Int($0)] })
  }

  /// Streams that are fed a few letters at a time, and all that came back.
  private final class Feeding {
    let client: WireClient
    let names: [String]
    /// Steps sent to each.
    private(set) var sent: [Int]
    private(set) var answers: [String: [(number: UInt64, model: UInt64, row: [Float])]] = [:]

    init(_ running: RunningPipeline, streams: Int, prefix: String = "s") throws {
      client = try running.client()
      try client.hello()
      names = (0..<streams).map { "\(prefix)\($0)" }
      sent = Array(repeating: 0, count: streams)
    }

    /// Sends `count` letters to each stream, one message each, and reads their answers.
    func feed(_ count: Int, end: Bool = false) throws {
      for stream in names.indices {
        let tokens = (0..<count).map { SwapTests.token(stream, sent[stream] + $0) }
        try client.send(
          .text(SwapTests.text(tokens)), to: names[stream], number: UInt64(sent[stream]),
          flags: end ? .end : [])
        sent[stream] += count
      }
      for (stream, name) in names.enumerated() {
        var isLast = !end
        while answers[name, default: []].count < sent[stream] || !isLast {
          let answer = try client.receive(.answer, of: name)
          isLast = isLast || answer.isLast
          for (index, row) in answer.rows.enumerated() {
            take(row, number: answer.header.number + UInt64(index), answer.header.model, of: name)
          }
        }
      }
    }

    /// What a restart computes again comes again, and is the same.
    private func take(_ row: [Float], number: UInt64, _ model: UInt64, of name: String) {
      let known = answers[name, default: []]
      guard number < UInt64(known.count) else {
        return answers[name, default: []].append((number, model, row))
      }
      let before = known[Int(number)]
      #expect(before.row == row && before.model == model, "\(name) step \(number) again")
    }

    /// Compares every answer with what the model gives that it names: each number once, in order, and
    /// the same bits.
    ///
    /// A stream goes over at most once, by `policy`.
    ///
    /// - Returns: how many streams went over.
    func check(
      _ first: ReferenceModel, _ second: ReferenceModel, _ policy: String, rewarm: Int = 0
    ) throws -> Int {
      var moved = 0
      for (stream, name) in names.enumerated() {
        let own = answers[name] ?? []
        #expect(own.map(\.number) == (0..<UInt64(sent[stream])).map { $0 }, "\(name)")
        var reference = ReferenceStream(own.first?.model == second.key ? second : first)
        for answer in own {
          if answer.model != reference.model.key {
            #expect(answer.model == second.key, "\(name) step \(answer.number)")
            try reference.move(to: second, policy, rewarm: rewarm)
            moved += 1
          }
          let expected = reference.step(SwapTests.token(stream, Int(answer.number)))
          #expect(answer.row == expected, "\(name) step \(answer.number), \(policy)")
          guard answer.row == expected else { break }
        }
      }
      return moved
    }
  }

  private static func swap(
    _ path: String, _ policy: String, _ running: RunningPipeline
  ) throws -> ChildProcess {
    let process = try ChildProcess([
      "model", "swap", path, running.file, "--policy", policy, "--json",
    ])
    process.closeInput()
    return process
  }

  // MARK: Policies under load

  struct Load: CustomTestStringConvertible {
    var policy: String
    var file: String
    var workers = 1
    var isSplit = false

    var testDescription: String {
      "\(policy), \(workers) workers, \(isSplit ? "three processes" : "one process")"
    }
  }

  private static let same = "Fixtures/swap/other.keras"
  /// Another state: h alone.
  private static let other = "Fixtures/remember/simplernn.keras"

  /// Streams go on while the file is read; each goes over between two messages, and nothing is lost or
  /// doubled.
  @Test(
    "fault 29: every answer is of the model that it names",
    arguments: [
      Load(policy: "carry", file: same),
      Load(policy: "carry", file: same, workers: 2, isSplit: true),
      Load(policy: "reset", file: other, workers: 2),
      Load(policy: "rewarm", file: other),
      Load(policy: "rewarm", file: same, workers: 2, isSplit: true),
    ])
  func everyAnswerIsOfTheModelThatItNames(load: Load) throws {
    var pipeline = PipelineText.remember
    pipeline.workers = load.workers
    let running = try RunningPipeline(pipeline, isSplit: load.isSplit, rewarm: 6)
    let (first, second) = (
      try ReferenceModel("Fixtures/remember/model.keras"), try ReferenceModel(load.file)
    )
    let feeding = try Feeding(running, streams: 12)
    try feeding.feed(4)
    let swap = try Self.swap(second.path, load.policy, running)
    // The data path does not wait for the file.
    while try !swap.hasEnded() { try feeding.feed(3) }
    #expect(try swap.waitForExit() == 0, "\(swap.errorLines)")
    try feeding.feed(5)
    try feeding.feed(2, end: true)
    #expect(swap.outputLines.first?.contains(second.hash) == true, "\(swap.outputLines)")
    #expect(try feeding.check(first, second, load.policy, rewarm: 6) == feeding.names.count)
    try running.stop()
  }

  @Test("fault 29: drained lives end on the model before") func drainedLivesEndOnTheModelBefore()
    throws
  {
    let running = try RunningPipeline(.remember)
    let (first, second) = (
      try ReferenceModel("Fixtures/remember/model.keras"), try ReferenceModel(Self.other)
    )
    let old = try Feeding(running, streams: 3)
    try old.feed(4)
    let swap = try Self.swap(second.path, "drain", running)
    #expect(try swap.waitForExit() == 0, "\(swap.errorLines)")
    let new = try Feeding(running, streams: 3, prefix: "n")
    for _ in 0..<3 {
      try old.feed(2)
      try new.feed(2)
    }
    #expect(!running.daemon.process.errorLines.contains { $0.contains("model released") })
    try old.feed(1, end: true)
    // Its last stream has ended.
    try running.daemon.process.read(until: "the release") {
      $0.errorLines.contains { $0.contains("msg=\"model released\"") && $0.contains(first.hash) }
    }
    try new.feed(1, end: true)
    #expect(try old.check(first, second, "drain") == 0)
    #expect(old.answers.values.allSatisfy { $0.allSatisfy { $0.model == first.key } })
    #expect(try new.check(first, second, "drain") == 0)
    #expect(new.answers.values.allSatisfy { $0.allSatisfy { $0.model == second.key } })
    try running.stop()
  }

  /// The shadow takes the same steps, and the model that serves answers; a swap to it ends that.
  @Test func aShadowAnswersNobodyAndTellsHowItDiffers() throws {
    let running = try RunningPipeline(.remember, isTapped: true)
    let (first, second) = (
      try ReferenceModel("Fixtures/remember/model.keras"), try ReferenceModel(Self.other)
    )
    let tap = try TapSubscriber(
      running.monitor, topic: "tap/inference/shadow/s", queueMessages: 0)
    let swap = try Self.swap(second.path, "shadow", running)
    #expect(try swap.waitForExit() == 0, "\(swap.errorLines)")
    let feeding = try Feeding(running, streams: 2)
    var told: [String: [UInt64: [[Float]]]] = [:]
    var keys: Set<UInt64> = []
    let deadline = Deadline.standard
    // Until the subscription has arrived and a step of each stream was seen.
    while told.count < 2, !deadline.hasPassed {
      try feeding.feed(3)
      while let message = try tap.receive(within: .milliseconds(50)) {
        let name = message.stream.split(separator: "/")[3]
        told[String(name), default: [:]][message.header.number] = message.rows
        keys.insert(message.header.model)
      }
    }
    #expect(keys == [second.key])
    #expect(try feeding.check(first, second, "shadow") == 0)
    for (stream, name) in feeding.names.enumerated() {
      var reference = ReferenceStream(second)
      let rows = try #require(told[name], "no shadow of \(name)")
      for number in 0..<UInt64(feeding.sent[stream]) {
        let expected = reference.step(Self.token(stream, Int(number)))
        guard let row = rows[number] else { continue }
        #expect(row[0] == feeding.answers[name]?[Int(number)].row, "\(name) step \(number)")
        #expect(row[1] == expected, "\(name) step \(number)")
      }
    }
    let shown = try ChildProcess.run(["model", "show", running.file, "--json"])
    #expect(shown.outputLines.first?.contains("\"shadow\":{\"model\":\"\(second.hash)\"") == true)
    let promoted = try Self.swap(second.path, "reset", running)
    #expect(try promoted.waitForExit() == 0, "\(promoted.errorLines)")
    try feeding.feed(3)
    #expect(try feeding.check(first, second, "reset") == 2)
    try running.stop()
    #expect(running.daemon.process.errorLines.contains { $0.contains("msg=\"shadow ends\"") })
  }

  /// No stream goes over, no model is held beside it, and that is said.
  @Test func drainingTheModelThatServesChangesNothing() throws {
    let running = try RunningPipeline(.remember)
    let first = try ReferenceModel("Fixtures/remember/model.keras")
    let feeding = try Feeding(running, streams: 2)
    try feeding.feed(2)
    let swap = try Self.swap(first.path, "drain", running)
    #expect(try swap.waitForExit() == 0, "\(swap.errorLines)")
    #expect(
      swap.errorLines == ["millrace: it serves already: no stream goes over, and no shadow is left"]
    )
    let shown = try ChildProcess.run(["model", "show", running.file, "--json"])
    #expect(shown.outputLines.first?.contains("\"held\"") == false)
    #expect(shown.outputLines.first?.contains(first.hash) == true)
    try feeding.feed(2, end: true)
    #expect(try feeding.check(first, first, "carry") == 0)
    try running.stop()
  }

  // MARK: Refused

  @Test func aFileThatDoesNotFitIsRefusedAndTheOldModelServesOn() throws {
    let running = try RunningPipeline(.remember)
    let first = try ReferenceModel("Fixtures/remember/model.keras")
    let feeding = try Feeding(running, streams: 4)
    let whole = try #require(FileManager.default.contents(atPath: Checkout.path(Self.same)))
    let cut = running.folder.file("cut.keras")
    try whole.prefix(whole.count / 2).write(to: URL(filePath: cut))
    let cases: [(file: String, policy: String, says: [String])] = [
      (
        Checkout.path("Fixtures/hello/model.keras"), "reset",
        ["vectors of 5", "token ids below 26"]
      ),
      (Checkout.path(Self.other), "carry", ["h 26", "h 26, c 26", "--policy reset"]),
      (Checkout.path(Self.same), "rewarm", ["state: { rewarm: STEPS }"]),
      (cut, "carry", [cut]),
      (running.folder.file("none.keras"), "carry", ["none.keras", "no such file"]),
    ]
    for refused in cases {
      let swap = try Self.swap(refused.file, refused.policy, running)
      while try !swap.hasEnded() { try feeding.feed(2) }
      let isMissing = refused.says.contains("no such file")
      #expect(try swap.waitForExit() == (isMissing ? 66 : 65), "\(refused.file)")
      #expect(swap.errorLines.count == 1, "\(swap.errorLines)")
      for word in refused.says {
        #expect(swap.errorLines.last?.contains(word) == true, "\(swap.errorLines), no \(word)")
      }
    }
    try feeding.feed(2, end: true)
    #expect(try feeding.check(first, first, "carry") == 0)
    try running.stop()
  }

  // MARK: With a store

  /// Killed after a swap, the daemon or one of its three processes, with the pipeline file as it was.
  @Test("fault 29: killed behind a swap", arguments: ["carry", "drain", "rewarm"], [0, 1, 2])
  func aKilledProcessGoesOnWithTheModelThatWasSwappedIn(policy: String, victim: Int) throws {
    let running = try RunningPipeline(
      .remember, isSplit: victim > 0, durability: "os", rewarm: 5)
    let (first, second) = (
      try ReferenceModel("Fixtures/remember/model.keras"),
      try ReferenceModel(policy == "carry" ? Self.same : Self.other)
    )
    let feeding = try Feeding(running, streams: 4)
    try feeding.feed(4)
    let swap = try Self.swap(second.path, policy, running)
    #expect(try swap.waitForExit() == 0, "\(swap.errorLines)")
    try feeding.feed(3)
    try running.crash(max(0, victim - 1))
    // What a client does that hears of it.
    try feeding.client.hello(
      Dictionary(uniqueKeysWithValues: feeding.names.map { ($0, UInt64?.none) }))
    try feeding.feed(3)
    let late = try Feeding(running, streams: 2, prefix: "n")
    try late.feed(3, end: true)
    try feeding.feed(2, end: true)
    let moved = try feeding.check(first, second, policy, rewarm: 5)
    #expect(moved == (policy == "drain" ? 0 : 4))
    #expect(try late.check(second, second, policy) == 0)
    try running.stop()
    let written = try running.output()
    for name in feeding.names + late.names {
      let count = name.hasPrefix("s") ? 12 : 3
      #expect(
        written.filter { $0.stream == name }.map(\.number) == (0..<UInt64(count)).map { $0 },
        "\(name)")
    }
  }

  /// The model that streams go on with has to be where it was.
  @Test func aRestartWithoutTheModelThatWasSwappedInIsRefused() throws {
    let running = try RunningPipeline(.remember, durability: "os")
    let moved = running.folder.file("moved.keras")
    try FileManager.default.copyItem(atPath: Checkout.path(Self.same), toPath: moved)
    let second = try ReferenceModel(moved)
    let swap = try Self.swap(moved, "carry", running)
    #expect(try swap.waitForExit() == 0, "\(swap.errorLines)")
    try running.stop()
    try FileManager.default.removeItem(atPath: moved)
    let refused = try ChildProcess(["run", running.file])
    #expect(try refused.waitForExit() == 78)
    #expect(refused.errorLines.last?.contains(second.hash) == true)
    #expect(refused.errorLines.last?.contains("put that file back") == true)
    // Named by the pipeline file, it may lie anywhere.
    let text = try String(contentsOfFile: running.file, encoding: .utf8)
    let named = text.replacing(
      Checkout.path("Fixtures/remember/model.keras"), with: Checkout.path(Self.same))
    try named.write(toFile: running.file, atomically: true, encoding: .utf8)
    try running.start(0)
    let feeding = try Feeding(running, streams: 1)
    try feeding.feed(3, end: true)
    #expect(try feeding.check(second, second, "carry") == 0)
    try running.stop()
  }
}
