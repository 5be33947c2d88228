import Foundation
import Wire

/// What `--update` would write to a case's file of expected lines.
///
/// Lines that are answered within the tolerance stay as they are: where they came from another
/// framework, they go on saying what that computed.
package struct ExpectedUpdate: Sendable {
  package let path: String
  /// The lines that go and come, marked - and +.
  package let difference: [String]
  private let lines: [String]

  /// Nil where nothing changes, or where the expected lines stand in the case itself.
  package init?(_ test: TestFile.Case, _ result: TestRun.Result) throws {
    guard let path = test.expectedPath else { return nil }
    self.path = path
    let file = try TextFile(readingFrom: path, expecting: "JSON lines")
    var waiting = result.lines.mapValues { $0[...] }
    var difference: [String] = []
    var lines: [String] = []
    for line in file.lines where !line.isEmpty {
      let want = try AnswerLine(line)
      guard let received = waiting[want.stream]?.popFirst() else {
        difference.append("- \(line)")
        continue
      }
      var answer = AnswerComparison(tolerance: test.tolerance)
      answer.compare(try AnswerLine(received), with: want)
      lines.append(answer.difference == nil ? line : received)
      if answer.difference != nil { difference += ["- \(line)", "+ \(received)"] }
    }
    let open = test.input.openStreams
    for (stream, rest) in waiting.sorted(by: { $0.key < $1.key }) where !open.contains(stream) {
      lines += rest
      difference += rest.map { "+ \($0)" }
    }
    guard !difference.isEmpty else { return nil }
    self.difference = difference
    self.lines = lines
  }

  /// Why the file must not be written over; nil when it may be.
  ///
  /// What git has not got could not be had back.
  package var obstacle: String? {
    let git = Process()
    git.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    git.arguments = ["git", "-C", folder, "status", "--porcelain", "--", path]
    let output = Pipe()
    git.standardOutput = output
    git.standardError = FileHandle.nullDevice
    git.standardInput = FileHandle.nullDevice
    do {
      try git.run()
    } catch {
      return nil
    }
    let text = output.fileHandleForReading.readDataToEndOfFile()
    git.waitUntilExit()
    // Without git, or outside of a repository, nothing is known.
    guard git.terminationStatus == 0, !text.isEmpty else { return nil }
    return "\(path) has changes that are not committed; commit it first"
  }

  /// - Throws: a `FileFailure`.
  package func write() throws {
    try OutputFile.write(Array(lines.map { $0 + "\n" }.joined().utf8), to: path)
  }
}
