import Foundation
import Testing

/// `millrace test`: what it reports, what it updates, and cases whose daemon is killed.
struct CaseTests {
  private let folder: TemporaryFolder
  private let pipeline: String

  init() throws {
    folder = try TemporaryFolder()
    pipeline = try folder.write(
      "hello.yaml", PipelineText.hello.text(ingress: "ipc://\(folder.file("in"))"))
    for name in ["input.jsonl", "expected.jsonl"] {
      try folder.write(name, try Checkout.text("Fixtures/hello/\(name)"))
    }
  }

  private func writeCases(_ text: String) throws { try folder.write("hello.test.yaml", text) }

  private static let recorded = """
    tests:
      - name: as Keras gives it
        input: input.jsonl
        expect_file: expected.jsonl
        close: { atol: 5.0e-5, rtol: 5.0e-4 }

    """

  @Test func filesOfCasesAloneAreNoPipelines() throws {
    let test = try ChildProcess.run(["test", "hello.test.yaml"])
    #expect(test.exitCode == 64)
    #expect(test.errorLines.first?.contains("the pipeline file beside it, hello.yaml") == true)
  }

  @Test func resultsAreJUnitXML() throws {
    try writeCases(
      Self.recorded + """
          - name: wrong & <"quoted">
            streams: { a: [ { text: he } ] }
            expect: { a: [ { label: e }, { label: o } ] }

        """)
    let report = folder.file("results.xml")
    let process = try ChildProcess.run(["test", pipeline, "/no/such.yaml", "--junit", report])
    // The file that is missing counts for more than the case that fails.
    #expect(process.exitCode == 66)
    #expect(process.outputLines.count { $0.hasPrefix("passed") } == 1)
    let text = try String(contentsOfFile: report, encoding: .utf8)
    let element =
      "<testcase classname=\"\(pipeline)\" name=\"wrong &amp; &lt;&quot;quoted&quot;&gt;\""
    #expect(text.contains(element))
    #expect(
      text.contains("<testsuites name=\"millrace test\" tests=\"3\" failures=\"1\" errors=\"1\""))
    #expect(text.contains("<failure message=\"stream a number 1: label l, expected o\">"))
    #expect(text.contains("<error message=\"/no/such.yaml: does not exist;"))
    #expect(XMLTags.areBalanced(in: text))
  }

  @Test func anUpdateShowsTheDifferenceAndIsWrittenWhenItIsConfirmed() throws {
    try writeCases(Self.recorded)
    let before = try folder.lines(of: "expected.jsonl")
    var wrong = before
    wrong[3] = wrong[3].replacingOccurrences(of: "\"label\":\"o\"", with: "\"label\":\"h\"")
    #expect(wrong != before)
    wrong.removeLast()
    let text = wrong.joined(separator: "\n") + "\n"
    try folder.write("expected.jsonl", text)
    let shown = try ChildProcess.run(["test", pipeline, "--update"])
    #expect(shown.exitCode == 1)
    #expect(shown.outputLines.contains("        - \(wrong[3])"))
    #expect(shown.outputLines.count { $0.hasPrefix("        + {") } == 2)
    #expect(shown.outputLines.contains("        not written; say --yes to write it"))
    #expect(try String(contentsOfFile: folder.file("expected.jsonl"), encoding: .utf8) == text)
    let written = try ChildProcess.run(["test", pipeline, "--update", "--yes"])
    #expect(written.exitCode == 0, "\(written.errorLines)")
    let after = try folder.lines(of: "expected.jsonl")
    #expect(after.count == before.count)
    // What was right within the tolerance is left as it was.
    #expect(zip(after, before).count { $0 == $1 } == before.count - 2)
    #expect(try ChildProcess.run(["test", pipeline]).exitCode == 0)
    #expect(try ChildProcess.run(["test", pipeline, "--yes"]).exitCode == 64)
  }

  @Test func whatGitHasNotGotIsNotWrittenOver() throws {
    try writeCases(Self.recorded)
    let git = Process()
    git.executableURL = URL(filePath: "/usr/bin/env")
    git.arguments = ["git", "init", "--quiet", folder.path]
    try git.run()
    git.waitUntilExit()
    guard git.terminationStatus == 0 else { return }
    let lines = try folder.lines(of: "expected.jsonl").dropLast()
    try folder.write("expected.jsonl", lines.joined(separator: "\n") + "\n")
    let process = try ChildProcess.run(["test", pipeline, "--update", "--yes"])
    #expect(process.exitCode == 1)
    #expect(process.outputLines.last?.contains("changes that are not committed") == true)
    #expect(try folder.lines(of: "expected.jsonl").count == lines.count)
  }

  /// Killed at moments that chance chooses, the joined output is what it would have been.
  @Test(arguments: 1...3) func aCrashChangesNothing(seed: Int) throws {
    try writeCases(
      Self.recorded.trimmingCharacters(in: .newlines)
        + "\n    vary: { crash: 3, seed: \(seed) }\n")
    let process = try ChildProcess.run(["test", pipeline])
    #expect(process.exitCode == 0, "\(process.outputLines) \(process.errorLines)")
    #expect(process.outputLines.first?.contains("killed 3 times") == true)
  }
}

/// As much XML as a report needs to be looked at.
private enum XMLTags {
  static func areBalanced(in text: String) -> Bool {
    var open: [Substring] = []
    for match in text.matches(of: #/<(/?)([a-z]+)((?:[^<>"]|"[^"<]*")*?)(/?)>/#) {
      let (_, isEnd, name, _, isEmpty) = match.output
      if !isEnd.isEmpty {
        guard open.popLast() == name else { return false }
      } else if isEmpty.isEmpty {
        open.append(name)
      }
    }
    return open.isEmpty && text.contains("</testsuites>")
  }
}
