import ArgumentParser
import Foundation
import Millrace

struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Look at this machine and at what pipelines need of it; say what to do.",
    discussion: """
      Versions, libzmq's features, the kernels and their measured speed, arithmetic, limits, memory, \
      clock; of each pipeline its files, endpoints, room for its streams, and its state store. \
      Changes nothing. Exits with 1 when there is a problem, 0 with warnings alone.

      EXAMPLES:
        millrace doctor
        millrace doctor Pipelines/motion.yaml
        millrace doctor Pipelines/*.yaml --json
      """)

  @Argument(
    help: "Pipeline files to look at besides the machine.",
    completion: .file(extensions: ["yaml", "yml"]))
  var pipelines: [String] = []

  @Option(help: "A state store to check besides those that the files name.", completion: .file())
  var store: String?

  @Flag(help: "One JSON object instead of a table.")
  var json = false

  private struct Report: Encodable {
    let findings: [Finding]
    let problems: Int
    let warnings: Int
  }

  func run() async throws {
    try await failing(checksKernels: false) {
      let findings = Doctor(
        pipelines: pipelines.filter { !$0.hasSuffix(".test.yaml") }, store: store
      ).examine()
      if json {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let report = Report(
          findings: findings, problems: findings.count { $0.status == .problem },
          warnings: findings.count { $0.status == .warning })
        print(String(decoding: try encoder.encode(report), as: UTF8.self))
      } else {
        print(findings.text)
      }
      if findings.hasProblems { throw ExitCode(ExitStatus.verdict.rawValue) }
    }
  }
}
