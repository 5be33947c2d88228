import Foundation
import Testing

@testable import Millrace

/// Lines of files, whoever wrote them.
struct TextFileTests {
  @discardableResult
  private func withFile<Result>(_ bytes: [UInt8], _ body: (String) throws -> Result) throws
    -> Result
  {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("millrace-\(UUID().uuidString)").path
    #expect(FileManager.default.createFile(atPath: path, contents: Data(bytes)))
    defer { #expect(unlink(path) == 0) }
    return try body(path)
  }

  @Test(arguments: ["a\nb\n\nc", "a\r\nb\r\n\r\nc\r\n", "\u{FEFF}a\r\nb\n\nc\n\n"])
  func linesAreTheSameHoweverTheyEnd(text: String) throws {
    let lines = try withFile(Array(text.utf8)) {
      try TextFile(readingFrom: $0, expecting: "lines").lines
    }
    #expect(lines == ["a", "b", "", "c"])
  }

  @Test func aCarriageReturnInsideALineStays() {
    #expect(TextFile.lines(of: "a\rb\n") == ["a\rb"])
    #expect(TextFile.lines(of: "") == [])
  }

  @Test func whatCannotBeReadIsSaidWithItsReason() throws {
    #expect(throws: TextFile.Failure.missing(path: "/no/such", expected: "labels")) {
      try TextFile(readingFrom: "/no/such", expecting: "labels")
    }
    #expect(throws: TextFile.Failure.unreadable(path: "/", expected: "labels", code: EISDIR)) {
      try TextFile(readingFrom: "/", expecting: "labels")
    }
    try withFile([0x61, 0x0a, 0xff]) { path in
      #expect(throws: TextFile.Failure.notUTF8(path: path, expected: "labels", line: 2)) {
        try TextFile(readingFrom: path, expecting: "labels")
      }
    }
  }

  @Test func recordingsAndStepsMayHaveWindowsLineEnds() throws {
    let steps = try RecordedStep.lines(
      of: "{\"t\":0,\"x\":1}\r\n\r\n{\"t\":1,\"x\":2}\r\n", file: "f")
    #expect(steps.map(\.t) == [0, 1])
    let text = "{\"stream\":\"a\",\"text\":\"h\"}\r\n\r\n{\"stream\":\"a\"}\r\n"
    try withFile(Array(text.utf8)) { path in
      let file = try TextFile(readingFrom: path, expecting: "lines")
      let error = #expect(throws: BadLine.self) { try InputLine.lines(of: file) }
      #expect(error?.description.hasPrefix("\(path):3: ") == true)
    }
  }
}
