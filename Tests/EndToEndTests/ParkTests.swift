import Testing
import Wire

/// Streams that leave memory while they are idle.
struct ParkTests {
  /// Ten streams take turns in a daemon that has room for three.
  @Test(arguments: [false, true])
  func streamsBeyondTheLimitAreParkedNotLost(isSplit: Bool) throws {
    var pipeline = PipelineText.hello
    pipeline.more = ["limits: { live-streams: 3 }"]
    let running = try RunningPipeline(pipeline, isSplit: isSplit, durability: "os")
    let client = try running.client()
    try client.hello()
    let names = (0..<10).map { "s\($0)" }
    for (number, character) in "hell".enumerated() {
      for name in names {
        try send(String(character), number: UInt64(number), to: name, client)
      }
    }
    try running.stop()
    let written = try running.output()
    for name in names {
      let own = written.filter { $0.stream == name }
      #expect(own.map(\.number) == [0, 1, 2, 3])
      #expect(own.map(\.label) == ["e", "l", "l", "o"], "\(name)")
    }
  }

  /// Sends until it is answered: a stream that has just been answered may be on its way into the store,
  /// and in nobody's way a moment later.
  private func send(_ text: String, number: UInt64, to name: String, _ client: WireClient) throws {
    let deadline = Deadline.standard
    while true {
      try client.send(.text(text), to: name, number: number)
      var message = try client.receive(deadline, waitingFor: "step \(number) of \(name)")
      while message.header.kind == .acknowledge {
        message = try client.receive(deadline, waitingFor: "step \(number) of \(name)")
      }
      if message.header.kind == .answer { return }
      let refusal = try message.refusal()
      #expect(refusal.code == .tooManyStreams && refusal.retry, "\(refusal)")
    }
  }
}
