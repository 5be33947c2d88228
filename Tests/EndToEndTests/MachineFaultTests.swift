import Foundation
import Glibc
import Testing
import Wire

/// Clocks that jump, machines with other instruction sets, and very many streams, with a store.
struct MachineFaultTests {
  /// The wall clock stands up to ten hours before or behind the true time, elsewhere every 20 ms, for the
  /// daemon and its client.
  @Test("fault 32: clock jumps", arguments: [false, true])
  func aClockThatJumpsChangesNothing(isSplit: Bool) throws {
    let jumps = ["LD_PRELOAD": Checkout.faults, "FAULT_CLOCK": "36000"]
    let running = try RunningPipeline(
      .hello, isSplit: isSplit, durability: "os", variables: jumps)
    let pipe = try ChildProcess(["pipe", running.file, "--connect"], variables: jumps)
    var input: [String] = []
    let deadline = Deadline(seconds: 60)
    let end = ContinuousClock.now + .milliseconds(1500)
    // Streams that come and go, are parked and come back, over 75 jumps.
    repeat {
      let names = (0..<5).map { "\(input.count)-\($0)" }
      let answered = pipe.outputLines.count
      for piece in ["\"text\":\"he\"", "\"text\":\"ll\",\"end\":true"] {
        for name in names {
          input.append("{\"stream\":\"\(name)\",\(piece)}")
          pipe.write(Array("\(input.last ?? "")\n".utf8))
        }
      }
      try pipe.read(until: "the answers", deadline: deadline) {
        $0.outputLines.count == answered + 20
      }
    } while ContinuousClock.now < end
    pipe.closeInput()
    #expect(try pipe.waitForExit() == 0)
    try running.stop()
    let expected = try Undisturbed.lines(of: .hello, input)
    #expect(Undisturbed.byStream(pipe.outputLines) == expected)
    #expect(Undisturbed.byStream(try running.folder.lines(of: "output.jsonl")) == expected)
    // The log's own times jump: the fault was there.
    let times = Set(running.daemon.process.errorLines.map { $0.prefix(20) })
    #expect(times.count > 1, "\(times)")
    #expect(
      !running.daemon.process.errorLines.contains { $0.contains("level=error") },
      "\(running.daemon.process.errorLines)")
  }

  /// Half of a stream with one instruction set, half with another.
  @Test("fault 37: restart with other instruction sets", arguments: ["f32", "int8"])
  func otherKernelsGoOnWithTheSameBits(precision: String) throws {
    let input = try Checkout.lines("Fixtures/motion/input.jsonl").prefix(240)
    var pipeline = PipelineText.motion
    pipeline.more = ["precision: \(precision)"]
    pipeline.sink = ["values: true"]
    let running = try RunningPipeline(
      pipeline, durability: "os", variables: ["MILLRACE_KERNELS": "portable"])
    for lines in [input.prefix(120), input.dropFirst(120)] {
      let client = try running.client()
      try client.hello()
      for line in lines {
        let step = try JSONDecoder().decode(Step.self, from: Data(line.utf8))
        try client.send(.values([step.values]), to: step.stream, number: step.number)
      }
      for _ in lines { _ = try client.receive(.answer) }
      try running.stop()
      // The fastest that the machine has.
      running.variables = [:]
      try running.start(0)
    }
    try running.stop()
    let written = Undisturbed.byStream(try running.folder.lines(of: "output.jsonl"))
    // What `pipe` says of an end belongs to streams that have ended.
    let expected = try Undisturbed.lines(of: pipeline, Array(input))
      .mapValues { $0.map { $0.replacingOccurrences(of: ",\"end\":true", with: "") } }
    #expect(written == expected)
  }

  private struct Step: Decodable {
    let stream: String
    let number: UInt64
    let values: [Float]
  }

  /// In bf16 the bits differ.
  @Test("fault 37: bf16 with other instruction sets") func otherKernelsAreRefusedInBF16() throws {
    var pipeline = PipelineText.hello
    pipeline.more = ["precision: bf16"]
    let running = try RunningPipeline(
      pipeline, durability: "os", variables: ["MILLRACE_KERNELS": "portable"])
    try running.stop()
    let text = try String(contentsOfFile: running.file, encoding: .utf8)
    for kernels in ["avx2", "neon"] {
      let other = try ChildProcess.run(
        ["run", running.file], variables: ["MILLRACE_KERNELS": kernels])
      #expect(other.exitCode == 78)
      let last = try #require(other.errorLines.last)
      if last.contains("MILLRACE_KERNELS: is") { continue }  // not on this machine
      #expect(last.contains("belongs to the kernels portable, this pipeline has \(kernels)"))
      #expect(last.contains("other-kernels: allow"), "\(last)")
      try running.folder.write(
        "pipeline.yaml",
        text.replacingOccurrences(
          of: "durability: os", with: "durability: os, other-kernels: allow"))
      running.variables = ["MILLRACE_KERNELS": kernels]
      try running.start(0)
      try running.stop()
      // It belongs to the new ones now.
      try running.folder.write("pipeline.yaml", text)
      try running.start(0)
      try running.stop()
    }
  }

  /// Streams that nobody ends: they are parked, and there is a bound to those as well.
  @Test("fault 22: streams that are never ended") func openStreamsAreBounded() throws {
    let count = Checkout.isThorough ? 100_000 : 2000
    var pipeline = PipelineText.hello
    pipeline.more = ["limits: { live-streams: \(count / 20), streams: \(count) }"]
    let running = try RunningPipeline(pipeline, durability: "os")
    let client = try running.client()
    try client.hello()
    func open(_ range: Range<Int>) throws {
      for first in stride(from: range.lowerBound, to: range.upperBound, by: 50) {
        let names = (first..<min(first + 50, range.upperBound)).map { "s\($0)" }
        try sendUntilAnswered(.text("h"), number: 0, to: names, client)
      }
    }
    try open(0..<count / 2)
    let before = try running.daemon.process.residentKiB()
    try open(count / 2..<count)
    let growth = try running.daemon.process.residentKiB() - before
    print("memory after \(count) streams: \(before + growth) KiB, \(growth) since the first half")
    // The cache of answers fills meanwhile, 27 MiB by 50,000 streams, and that of the store's pages with
    // the file, 14 MiB.
    if !Checkout.isSanitized { #expect(growth < 48 * 1024) }
    try client.send(.text("h"), to: "one-more", number: 0)
    let refusal = try client.receive(.refuse, of: "one-more").refusal()
    #expect(refusal.code == .tooManyStreams && refusal.message.contains("limits.streams"))
    // None is lost, also over a restart, and one that ends makes room. Who comes back says so: streams
    // whose answers were computed again would stay in memory for a minute, and leave no room.
    try running.stop()
    try running.start(0)
    let again = try running.client()
    for first in stride(from: 0, to: count, by: 1000) {
      let names = (first..<min(first + 1000, count)).map { "s\($0)" }
      try again.hello(Dictionary(uniqueKeysWithValues: names.map { ($0, 1) }))
    }
    for name in ["s0", "s\(count / 2)", "s\(count - 1)"] {
      try sendUntilAnswered(.text("ell"), number: 1, to: [name], again)
    }
    try again.send(.text("h"), to: "one-more", number: 0)
    #expect(try again.receive(.refuse, of: "one-more").refusal().code == .tooManyStreams)
    try sendUntilAnswered(.none, flags: .end, number: 4, to: ["s0"], again)
    try sendUntilAnswered(.text("h"), number: 0, to: ["one-more"], again)
    try running.stop()
    let labels = try running.output().filter { $0.stream == "s\(count / 2)" }.map(\.label)
    #expect(labels == ["e", "l", "l", "o"])
  }

  /// Sends to streams until each is answered: those that are refused because none is at rest yet are
  /// sent again.
  private func sendUntilAnswered(
    _ data: InputData, flags: MessageFlags = [], number: UInt64, to names: [String],
    _ client: WireClient
  ) throws {
    var left = Set(names)
    while !left.isEmpty {
      for name in left { try client.send(data, to: name, number: number, flags: flags) }
      var refused: Set<String> = []
      while left.count > refused.count {
        let message = try client.receive(waitingFor: "an answer of \(left.first ?? "")")
        switch message.header.kind {
        case .answer: left.remove(message.stream)
        case .refuse:
          let refusal = try message.refusal()
          guard refusal.code == .tooManyStreams, refusal.retry else {
            throw HarnessError.unexpected("\(refusal)")
          }
          refused.insert(message.stream)
        default: break
        }
      }
    }
  }
}
