import Testing
import Wire

/// How much a connection may have under way.
struct CreditTests {
  private static let row = [Float](repeating: 0.5, count: 9)

  private func steps(_ count: Int) -> InputData {
    .values([[Float]](repeating: Self.row, count: count))
  }

  @Test func moreThanTheCreditIsRefusedAndMayBeSentAgain() throws {
    let running = try RunningPipeline(.motion)
    let client = try running.client()
    #expect(try client.hello().credit == 1024)
    try client.send(steps(1000), to: "a", number: 0)
    try client.send(steps(25), to: "a", number: 1000)
    let refusal = try client.receive(.refuse, of: "a")
    #expect(refusal.header.number == 1000)
    #expect(try refusal.refusal().code == .overCredit)
    #expect(try refusal.refusal().retry)
    _ = try client.answers(of: "a", steps: 1000)
    while client.credit < client.sent + 25 {
      guard try client.receiveAny(within: .seconds(30)) != nil else {
        throw HarnessError.timedOut(waitingFor: "credit", seen: "\(client.credit)")
      }
    }
    try client.send(steps(25), to: "a", number: 1000)
    #expect(try client.answers(of: "a", steps: 25)[0].header.number == 1000)
  }

  @Test func creditNeverFallsAndReturnsWhenAllIsAnswered() throws {
    let running = try RunningPipeline(.motion)
    let client = try running.client()
    try client.hello()
    var number: UInt64 = 0
    // Refused steps are covered too, and repeated ones cost nothing for good.
    let broken = InputData.values([[Float]](repeating: Self.row.dropLast() + [.nan], count: 200))
    for round in 0..<20 {
      while client.credit < client.sent + 400 {
        guard try client.receiveAny(within: .seconds(30)) != nil else {
          throw HarnessError.timedOut(waitingFor: "credit in round \(round)", seen: "")
        }
      }
      try client.send(steps(200), to: "a", number: number)
      if number >= 200, round % 3 == 0 {
        try client.send(steps(200), to: "a", number: number)
      } else {
        try client.send(broken, to: "a", number: number + 200)
        number += 200
      }
      number += 200
    }
    try client.send(.none, to: "a", number: number, flags: .end)
    var isLast = false
    while !isLast || client.credit < client.sent + 1024 {
      guard let message = try client.receiveAny(within: .seconds(30)) else {
        throw HarnessError.timedOut(
          waitingFor: "a full credit", seen: "\(client.credit) with \(client.sent) sent")
      }
      isLast = isLast || message.header.kind == .answer && message.isLast
    }
    #expect(client.credit == client.sent + 1024)
  }

  @Test func tooManyStepsInOneMessageAreRefused() throws {
    let running = try RunningPipeline(.motion)
    let client = try running.client()
    try client.send(steps(4097), to: "a", number: 0)
    let refusals = try client.refusals()
    #expect(refusals.map(\.code) == [.tooManySteps])
    #expect(refusals.first?.message.contains("4096") == true)
  }

  @Test func tooManyStreamsAreRefusedAndMayBeSentAgain() throws {
    var pipeline = PipelineText.hello
    pipeline.more = ["limits: { live-streams: 3 }"]
    let running = try RunningPipeline(pipeline)
    let client = try running.client()
    for name in ["a", "b", "c"] { try client.send(.text("h"), to: name, number: 0) }
    try client.send(.text("h"), to: "d", number: 0)
    let refusals = try client.refusals()
    #expect(refusals.map(\.code) == [.tooManyStreams])
    #expect(refusals.first?.retry == true)
    try client.send(.none, to: "b", number: 1, flags: .end)
    try client.send(.text("h"), to: "d", number: 0)
    #expect(try client.answersToEnd(of: "b").last?.isLast == true)
    #expect(try client.answers(of: "d", steps: 1).count == 1)
  }
}
