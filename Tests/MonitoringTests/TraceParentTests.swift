import Testing

@testable import Monitoring

/// W3C's `traceparent`, as its specification has it.
struct TraceParentTests {
  @Test func aTraceParentIsRead() throws {
    let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    let parent = try #require(TraceParent(text))
    #expect(parent.traceID == "4bf92f3577b34da6a3ce929d0e0e4736")
    #expect(parent.spanID == "00f067aa0ba902b7")
    #expect(parent.isSampled)
    #expect(parent.text == text)
    // A later version may say more.
    #expect(TraceParent("cc" + text.dropFirst(2) + "-what-comes")?.isSampled == true)
    #expect(TraceParent(String(text.dropLast(2)) + "00")?.isSampled == false)
  }

  @Test(arguments: [
    "", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
    "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
    "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
  ])
  func anotherTextIsNone(text: String) { #expect(TraceParent(text) == nil) }

  @Test(arguments: [
    (
      "{\"a\":[1],\"traceparent\":\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"}",
      true
    ),
    ("{\"traceparent\":3}", false), ("{}", false), ("", false), ("no JSON", false),
  ])
  func aNoteMayHaveOne(note: String, isThere: Bool) {
    let bytes = Array(note.utf8)
    let parent = bytes.withUnsafeBytes { TraceParent(note: $0) }
    #expect((parent != nil) == isThere)
  }
}
