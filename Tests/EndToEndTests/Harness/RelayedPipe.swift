import Testing

/// `millrace pipe --connect` to a daemon that serves `hello` over TCP, by a relay that can fall silent.
final class RelayedPipe {
  let running: RunningPipeline
  let http: HTTPClient
  let relay: SilentRelay
  let pipe: ChildProcess

  /// Two letters of stream `a` are sent, and answered.
  init(durability: String? = nil) throws {
    var pipeline = PipelineText.hello
    pipeline.more = ["http: 127.0.0.1:0"]
    running = try RunningPipeline(pipeline, over: .tcp, durability: durability)
    http = try HTTPClient(running.daemon)
    let port = try #require(running.ingress.split(separator: ":").last.flatMap { UInt16($0) })
    relay = try SilentRelay(to: port)
    let path = try running.folder.write(
      "relayed.yaml", PipelineText.hello.text(ingress: "tcp://127.0.0.1:\(relay.port)"))
    pipe = try ChildProcess(["pipe", path, "--connect"])
    pipe.write(Array("{\"stream\":\"a\",\"text\":\"he\"}\n".utf8))
    try pipe.read(until: "two answers") { $0.outputLines.count == 2 }
  }

  deinit { relay.end() }

  /// Lets the network come back once the daemon has given the connection up.
  func flowWhenGivenUp() throws {
    _ = try http.wait(for: "millrace_connections") { $0 == 0 }
    relay.flow()
  }
}
