import Testing
import Wire

@testable import Millrace

/// What the control socket takes, and what it says of what it does not take.
struct ControlRequestTests {
  private func read(_ json: String) throws -> ControlRequest {
    var id: String?
    return try read(json, id: &id)
  }

  private func read(_ json: String, id: inout String?) throws -> ControlRequest {
    let bytes = Array(json.utf8)
    return try bytes.withUnsafeBytes { try ControlRequest($0, attachment: [], id: &id) }
  }

  @Test func aRequestIsAVerbAndItsKeys() throws {
    var id: String?
    let request = try read(#"{"do":"streams.show","id":"a\"b","stream":"cam-1"}"#, id: &id)
    #expect(request.verb == .streamsShow)
    #expect(try request.stream() == StreamID("cam-1"))
    #expect(id == #""a\"b""#)
  }

  @Test(arguments: [
    (#"[1]"#, "bad-request", "one flat JSON object"),
    (#"{"do":"streams.list"} x"#, "bad-request", "unexpected text behind the value"),
    (#"{"do":"streams.list","do":"streams.list"}"#, "bad-request", "stands twice"),
    (#"{"id":1}"#, "bad-request", "names a verb"),
    (#"{"do":7}"#, "bad-request", "is 7, expected a verb's name"),
    (#"{"do":"stream.list"}"#, "unknown-verb", #"did you mean "streams.list"?"#),
    (#"{"do":"cook"}"#, "unknown-verb", "expected one of streams.list, "),
    (
      #"{"do":"streams.show","steam":"a"}"#, "unknown-key",
      #"streams.show has no key "steam", expected stream; did you mean "stream"?"#
    ),
    (#"{"do":"streams.list","stream":"a"}"#, "unknown-key", "expected none"),
    (#"{"do":"streams.show","stream":{"a":1}}"#, "bad-request", "one flat JSON object"),
  ])
  func whatIsNoRequestIsRefusedByName(json: String, code: String, words: String) {
    let refusal = #expect(throws: ControlRefusal.self) { try read(json) }
    #expect(refusal?.code.rawValue == code)
    #expect(refusal?.message.contains(words) == true, "\(refusal?.message ?? "")")
  }

  @Test(arguments: [
    (#"{"do":"streams.show"}"#, #"needs "stream""#),
    (#"{"do":"streams.show","stream":7}"#, #""stream" is 7, expected text"#),
    (#"{"do":"streams.show","stream":"../a"}"#, "expected 1 to 128 of"),
    (#"{"do":"streams.show","stream":null}"#, #"needs "stream""#),
  ])
  func aStreamIsNamedByItsAlphabet(json: String, words: String) throws {
    let request = try read(json)
    let refusal = #expect(throws: ControlRefusal.self) { try request.stream() }
    #expect(refusal?.message.contains(words) == true, "\(refusal?.message ?? "")")
  }

  @Test func moreJSONThanTheLimitIsTooLarge() {
    let long = String(repeating: "a", count: Limits.controlRequestBytes)
    let refusal = #expect(throws: ControlRefusal.self) {
      try read("{\"do\":\"\(long)\"}")
    }
    #expect(refusal?.code == .tooLarge)
  }

  @Test func theOldestCheckpointsInMemoryGoFirst() {
    var history = StreamHistory(count: 2, byteCountMax: 100)
    let (a, b) = (StreamID(literal: "a"), StreamID(literal: "b"))
    for number: UInt64 in 1...3 {
      history.keep([UInt8](repeating: 0, count: 20), number: number, of: a)
    }
    #expect(history.numbers(of: a) == [2, 3])
    #expect(history.newest(of: a, through: 2)?.number == 2)
    #expect(history.newest(of: a, through: 1) == nil)
    history.keep([UInt8](repeating: 0, count: 70), number: 7, of: b)
    // Over all streams there is no room for three.
    #expect(history.numbers(of: a) == [3])
    #expect(history.byteCount == 90)
    history.drop(of: a, beyond: 2)
    #expect(history.numbers(of: a).isEmpty && history.byteCount == 70)
  }

  /// Two daemons with ingresses of their own never meet at a control socket.
  @Test func theDefaultEndpointIsBesideTheIngress() {
    func control(_ ingress: String) -> String? {
      Endpoint.defaultControl(pipeline: "hello", ingress: ingress)
    }
    #expect(control("ipc:///run/millrace/hello") == "ipc:///run/millrace/hello.control")
    #expect(control("tcp://localhost:5550")?.hasSuffix("/hello-127.0.0.1-5550.control") == true)
    #expect(control("tcp://*:5550")?.hasSuffix("/hello-0.0.0.0-5550.control") == true)
    #expect(control("tcp://127.0.0.1:*") == nil)
    #expect(control("inproc://hello") == nil)
    #expect(control("ipc:///" + String(repeating: "a", count: 103)) == nil)
  }
}
