import Testing
import Wire

@testable import Millrace

/// Output lines, byte for byte.
struct AnswerFormatTests {
  private func line(
    _ format: AnswerFormat, _ row: [Float], token: Int32? = nil, isEnd: Bool = false
  ) throws -> String {
    var bytes: [UInt8] = []
    let stream = try #require(StreamID("cam-1"))
    row.withUnsafeBufferPointer {
      format.appendLine(
        stream: stream, number: 7, token: token, row: $0, isEnd: isEnd, to: &bytes)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func keysComeInTheirOrder() throws {
    let format = AnswerFormat(
      labels: ["a", "\"b\"", "다"], top: 2, showsValues: true, tokenText: { "<\($0)>" })
    #expect(
      try line(format, [0.25, 0.5, 0.125], token: 4, isEnd: true)
        == #"{"stream":"cam-1","number":7,"token":"<4>","label":"\"b\"","score":0.5,"#
        + #""top":[["\"b\"",0.5],["a",0.25]],"values":[0.25,0.5,0.125],"end":true}"# + "\n")
  }

  @Test func withoutLabelsTheValuesAreAllThereIs() throws {
    let format = AnswerFormat(labels: [], top: 3, showsValues: false, tokenText: nil)
    #expect(
      try line(format, [1, -0.1]) == #"{"stream":"cam-1","number":7,"values":[1.0,-0.1]}"# + "\n")
  }

  @Test func aTieKeepsTheFirstAndNoNumberNeverWins() throws {
    let format = AnswerFormat(
      labels: ["a", "b", "c", "d"], top: 4, showsValues: false, tokenText: nil)
    let text = try line(format, [.nan, 0.5, 0.5, .infinity])
    #expect(
      text.contains(#""label":"d","score":null,"top":[["d",null],["b",0.5],["c",0.5],["a",null]]"#),
      "\(text)")
  }

  /// Before a model of windows has its first row, no class may look like its answer.
  @Test func withoutAnAnswerThereIsNoLabel() throws {
    let format = AnswerFormat(labels: ["a", "b"], top: 2, showsValues: true, tokenText: nil)
    #expect(
      try line(format, [.nan, .nan])
        == #"{"stream":"cam-1","number":7,"label":null,"score":null,"top":[],"values":[null,null]}"#
        + "\n")
    #expect(try line(format, [.nan, 0.5]).contains(#""label":"b","score":0.5"#))
  }
}
