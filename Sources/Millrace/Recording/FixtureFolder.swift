import Foundation
import Logging

/// A fixture from live traffic: the pipeline with every file that it names, the recording, and a
/// case for `millrace test` that has been tried.
package struct FixtureFolder: Sendable {
  package let path: String
  private let name: String
  private let file: PipelineFile
  /// Whether there was no such folder before.
  private let isNew: Bool

  package var inputPath: String { "\(path)/input.jsonl" }
  package var answersPath: String { "\(path)/expected.jsonl" }
  private var pipelinePath: String { "\(path)/\(name).yaml" }

  /// Makes the folder and copies what the pipeline names.
  ///
  /// - Throws: a `FileFailure` for a folder that has files already, unless they may be replaced.
  package init(_ path: String, of pipeline: Pipeline, replaces: Bool) throws {
    let url = URL(fileURLWithPath: path)
    self.path = path
    name = url.lastPathComponent
    file = pipeline.file
    guard name.wholeMatch(of: /[A-Za-z0-9._-]{1,64}/) != nil else {
      throw FileFailure("\(path): the fixture is named \"\(name)\", expected A-Z a-z 0-9 . _ -")
    }
    isNew = !FileManager.default.fileExists(atPath: path)
    let there = try? FileManager.default.contentsOfDirectory(atPath: path)  // why: nil is no folder
    guard replaces || there?.isEmpty ?? true else {
      throw FileFailure("\(path) has files already; name another folder, or say --force")
    }
    do {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    } catch {
      throw FileFailure("\(path): cannot be made: \(error.localizedDescription)")
    }
    do {
      try OutputFile.write(Array(try pipelineText().utf8), to: pipelinePath)
      // What cannot run is told before anything is recorded.
      _ = try PipelineBuilder(try PipelineFile(readingFrom: pipelinePath)).build()
    } catch {
      discard()
      throw error
    }
  }

  /// Takes the folder away again, if it was made for this fixture.
  package func discard() {
    guard isNew else { return }
    try? FileManager.default.removeItem(atPath: path)  // why: what made it needless is told
  }

  /// Writes the case and tries it.
  ///
  /// - Returns: the pipeline file of the fixture.
  /// - Throws: a `FileFailure` when the recording does not replay to what was recorded.
  package func finish(_ summary: RecordRun.Summary) async throws -> String {
    guard summary.messages > 0 else {
      discard()
      throw FileFailure("\(path): nothing was recorded, so there is no case")
    }
    let testPath = "\(path)/\(name).test.yaml"
    var refusals = 0
    for attempt in 0..<2 {
      try OutputFile.write(Array(caseText(refusals: refusals).utf8), to: testPath)
      var fixture = try PipelineFile(readingFrom: pipelinePath)
      fixture.sink.values = true
      let run = TestRun(
        pipeline: try PipelineBuilder(fixture).build(),
        logger: Logger(label: "millrace") { _ in KeyValueLogHandler(logLevel: .error) })
      guard let test = try TestFile(readingFrom: testPath).cases.first else { break }
      let result = try await run.run(test)
      if result.verdict.isGood { break }
      guard attempt == 0, result.refusals > 0 else {
        throw FileFailure(
          "\(path): replayed, the recording does not give what was recorded: "
            + "\(result.verdict.difference ?? "it differs"); does the daemon run this pipeline file?"
        )
      }
      refusals = result.refusals
    }
    try OutputFile.write(Array(provenance(summary).utf8), to: "\(path)/PROVENANCE.md")
    return pipelinePath
  }

  private func caseText(refusals: Int) -> String {
    var lines = [
      "# What a running daemon answered, recorded by `millrace record --fixture`.", "tests:",
      "  - name: \(name) is answered as it was when it was recorded", "    input: input.jsonl",
      "    expect_file: expected.jsonl",
    ]
    if file.precision == .bf16 {
      lines += [
        "    # bf16 may differ in the last bits from machine to machine.",
        "    close: { atol: 1.0e-2 }",
      ]
    }
    if refusals > 0 {
      // Cut in another way, other numbers would be refused.
      lines += ["    refusals: \(refusals)", "    vary: { interleave_with: 2, seed: 1 }"]
    } else {
      lines.append("    vary: { chunking: 10, interleave_with: 2, seed: 1 }")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func provenance(_ summary: RecordRun.Summary) -> String {
    """
    # \(name)

    Live traffic, recorded by `millrace record --fixture` (millrace \(Version.current)) on \
    \(Date.now.formatted(.iso8601.year().month().day())): \(summary.streams) streams, \
    \(summary.messages) messages, \(summary.answers) answers.

    | file | what |
    |---|---|
    | \(name).yaml | the pipeline, as the recorder read it, without endpoints |
    | input.jsonl, expected.jsonl | what clients sent, and what was answered, with every value |
    | \(name).test.yaml | the case: `millrace test \(name).yaml` |

    Where the data came from, and under which licence, is to be filled in by who recorded it.

    """
  }

  // MARK: The pipeline and its files

  /// The pipeline file's text for the fixture; copies the files that it names.
  private func pipelineText() throws -> String {
    var copied: [String: String] = [:]
    return "# As it was when the fixture was recorded.\n"
      + (try PipelineCopy(file).text(name: name, ingress: nil, store: nil) { keys, source in
        let target = try copied[source] ?? copy(source, as: keys, beside: Set(copied.values))
        copied[source] = target
        return target
      })
  }

  /// Copies a file, and what stands beside a file of weights; returns its name in the folder.
  private func copy(_ source: String, as keys: [String], beside taken: Set<String>) throws -> String
  {
    let url = URL(fileURLWithPath: source)
    var target = url.lastPathComponent
    if taken.contains(target) { target = keys.joined(separator: "-") + "-" + target }
    try copy(source, to: target)
    guard keys.last == "model" else { return target }
    let stem = url.lastPathComponent.prefix { $0 != "." }
    for ending in [".layers.json", ".json"] {
      let sidecar = url.deletingLastPathComponent().appendingPathComponent(stem + ending).path
      if FileManager.default.fileExists(atPath: sidecar) {
        try copy(sidecar, to: String(stem) + ending)
      }
    }
    return target
  }

  private func copy(_ source: String, to target: String) throws {
    try OutputFile.write(
      try FileBytes(readingFrom: source, expecting: "a file of the pipeline").bytes,
      to: "\(path)/\(target)")
  }
}
