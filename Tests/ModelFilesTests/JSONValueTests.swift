import Foundation
import Testing

@testable import ModelFiles

struct JSONValueTests {
  private func parsed(_ text: String) -> JSONValue? { JSONValue(text: Array(text.utf8)) }

  @Test func readsWhatPythonWrites() {
    #expect(
      parsed(" {\"a\": [1, -2.5e3, NaN, true, null], \"\\u00e9\\ud83d\\ude00\\n\": {}} ")?["a"]?
        .array?.count == 5)
    #expect(parsed("\"\\u00e9\\ud83d\\ude00\\n\\/\"") == .string("é😀\n/"))
    #expect(parsed("[-Infinity, Infinity]") == .array([.number(-.infinity), .number(.infinity)]))
    #expect(parsed("-0.25E-1") == .number(-0.025))
    #expect(parsed("[]") == .array([]))
    #expect(parsed("\"한\"") == .string("한"))
  }

  @Test(arguments: [
    "", "{", "[1,]", "{\"a\":1,}", "{a:1}", "\"\\ud83d\"", "\"\\ud83dx\"", "\"\\u12\"", "\"\t\"",
    "+1", ".5", "1.", "1e", "0x10", "nan", "inf", "1e999", "--1", "1 2", "{\"a\":1,\"a\":2}",
    "'a'", "// c\n1", "\"a",
  ]) func refuses(text: String) {
    #expect(parsed(text) == nil)
  }

  @Test func refusesWhatIsNoUTF8AndWhatIsDeep() {
    #expect(JSONValue(text: [0x7b, 0xff, 0x22, 0x3a, 0x31, 0x7d]) == nil)
    #expect(JSONValue(text: [0x22, 0xc3, 0x22]) == nil)
    #expect(parsed(String(repeating: "[", count: 100_000)) == nil)
    #expect(parsed(String(repeating: "{\"a\":", count: 100_000)) == nil)
  }

  @Test func everyConfigurationIsTheSameToFoundation() throws {
    let names = ["golden/t_conv_norm_gru/case.json", "torch/norms/model.layers.json"]
    for name in names {
      let bytes = try Fixture.bytes(name)
      let other = try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
      #expect(JSONValue(text: bytes)?.object?.keys.sorted() == other?.keys.sorted())
    }
  }
}
