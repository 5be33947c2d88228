import Testing
import Wire

@testable import Millrace

/// Input lines, above all those that ask for nothing.
struct InputLineTests {
  private func read(_ json: String) throws -> InputLine {
    var json = json
    return try json.withUTF8 { bytes in
      try InputLine(json: UnsafeRawBufferPointer(bytes), fallback: nil)
    }
  }

  @Test(arguments: [
    ("{\"stream\":\"a\",\"vlaues\":[1]}", "\"vlaues\"", "did you mean \"values\""),
    ("{\"stream\":\"a\",\"txt\":\"h\",\"end\":true}", "\"txt\"", "did you mean \"text\""),
    ("{\"stream\":\"a\",\"ned\":true}", "\"ned\"", "did you mean \"end\""),
    ("{\"stream\":\"a\",\"annotation\":1}", "\"annotation\"", "none of text, tokens, values"),
    ("{\"stream\":\"a\",\"number\":4}", "none of text", "nothing to do"),
  ])
  func aLineThatAsksForNothingNamesItsKey(json: String, key: String, says: String) {
    let error = #expect(throws: JSONError.self) { try read(json) }
    #expect(error?.reason.contains(key) == true, "\(String(describing: error))")
    #expect(error?.reason.contains(says) == true, "\(String(describing: error))")
  }

  @Test func aStateIsReadRowByRowOrAtOnce() throws {
    let rows = try read("{\"stream\":\"a\",\"state\":[[1,2],[3]],\"values\":[0]}")
    #expect(rows.state == [1, 2, 3])
    #expect(try read("{\"stream\":\"a\",\"state\":[1,2,3]}").state == [1, 2, 3])
    #expect(throws: JSONError.self) { try read("{\"stream\":\"a\",\"state\":[null]}") }
  }

  @Test func otherKeysBesideAPayloadOrAFlagAreIgnored() throws {
    #expect(try read("{\"stream\":\"a\",\"text\":\"h\",\"tetx\":1,\"note\":[{}]}").units == 1)
    let end = try read("{\"stream\":\"a\",\"id\":7,\"end\":true}")
    #expect(end.end && end.payload == .none)
  }
}
