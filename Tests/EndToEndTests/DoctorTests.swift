import Foundation
import Glibc
import Testing

/// `millrace doctor`: what it finds, and that it changes nothing.
struct DoctorTests {
  private struct Report: Decodable {
    struct Finding: Decodable {
      let check: String
      let status: String
      let found: String
      let advice: String?
    }

    let findings: [Finding]
    let problems: Int
    let warnings: Int

    func finding(_ check: String) throws -> Finding {
      try #require(findings.first { $0.check == check }, "no finding of \(check)")
    }
  }

  private func examine(
    _ arguments: [String], exitCode: Int32, variables: [String: String] = [:]
  ) throws -> Report {
    let process = try ChildProcess.run(["doctor", "--json"] + arguments, variables: variables)
    #expect(process.exitCode == exitCode, "\(process.outputLines) \(process.errorLines)")
    let report = try JSONDecoder().decode(Report.self, from: Data(process.output))
    #expect(report.problems == report.findings.count { $0.status == "problem" })
    // Each finding but a good one says what to do.
    #expect(report.findings.allSatisfy { ($0.status == "ok") == ($0.advice == nil) })
    return report
  }

  @Test func theMachineOfTheTestsHasNoProblem() throws {
    let report = try examine([], exitCode: 0)
    let checks = [
      "millrace", "libzmq", "libzmq features", "kernels", "arithmetic", "open files",
      "locked memory", "processors", "memory", "clock", "clock source",
    ]
    #expect(report.findings.map(\.check) == checks)
    #expect(try report.finding("libzmq features").found.contains("curve yes"))
    #expect(try report.finding("kernels").found.contains("steps/s for one stream"))
    let text = try ChildProcess.run(["doctor"])
    #expect(text.outputLines.last?.hasPrefix("0 problems, ") == true)
  }

  @Test func aKernelThatIsNotTheFastestIsSaid() throws {
    let portable = try examine([], exitCode: 0, variables: ["MILLRACE_KERNELS": "portable"])
    #expect(try portable.finding("kernels").status == "warning")
    let unknown = try examine([], exitCode: 1, variables: ["MILLRACE_KERNELS": "avx9"])
    #expect(try unknown.finding("kernels").found.contains("avx9"))
  }

  @Test func endpointsAreFreeServedOrTaken() throws {
    let running = try RunningPipeline(.hello, over: .tcp, isTapped: true)
    let path = running.folder.file("pipeline.yaml")
    let served = try examine([path], exitCode: 0)
    #expect(try served.finding("ingress").found.hasSuffix("is served by a running daemon"))
    #expect(try served.finding("monitor").found.hasSuffix("is served by a running daemon"))
    try running.stop()
    #expect(try examine([path], exitCode: 0).finding("ingress").found.hasSuffix("is free"))
    // Somebody else listens at its port.
    let port = try #require(running.ingress.split(separator: ":").last.flatMap { UInt16($0) })
    let other = try LoopbackSocket(listeningOn: port)
    let taken = try withExtendedLifetime(other) { try examine([path], exitCode: 1) }
    #expect(try taken.finding("ingress").status == "problem")
    #expect(try taken.finding("ingress").found.hasSuffix("is taken by another process"))
  }

  @Test func aPipelineThatCannotRunIsAProblem() throws {
    let folder = try TemporaryFolder()
    var pipeline = PipelineText.hello
    pipeline.model = "Fixtures/hello/no-such.keras"
    let missing = try folder.write("a.yaml", pipeline.text(ingress: "ipc://\(folder.file("in"))"))
    #expect(try examine([missing], exitCode: 1).finding("a.yaml").found.contains("no-such.keras"))
    let wide = try folder.write(
      "b.yaml",
      PipelineText.hello.text(ingress: "ipc://\(folder.file("in"))")
        + "limits: { live-streams: 10000000 }\ninference: { workers: 64 }\n"
    )
    // The key stands twice, as `check` says too.
    #expect(try examine([wide], exitCode: 1).finding("b.yaml").found.contains("stands twice"))
    var busy = PipelineText.hello
    busy.workers = 64
    let many = try folder.write("c.yaml", busy.text(ingress: "ipc://\(folder.file("in"))"))
    #expect(try examine([many], exitCode: 0).finding("workers").status == "warning")
  }

  @Test func aStoreThatIsNoneIsAProblem() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("s.sqlite", String(repeating: "no database ", count: 1000))
    let before = try Data(contentsOf: URL(filePath: path))
    let report = try examine(["--store", path], exitCode: 1)
    #expect(try report.finding("store").found.contains("not a database"))
    #expect(try Data(contentsOf: URL(filePath: path)) == before)
    let missing = try examine(["--store", folder.file("new.sqlite")], exitCode: 0)
    #expect(try missing.finding("store").found.contains("the daemon makes it"))
    #expect(!FileManager.default.fileExists(atPath: folder.file("new.sqlite")))
    _ = try examine(["--store", "/no/such/s.sqlite"], exitCode: 1)
  }
}
