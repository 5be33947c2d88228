import ArgumentParser
import Foundation
import Logging

/// Runs the stages of a pipeline under faults that a seed chooses, and checks what they promise.
@main
struct Simulate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "millrace-simulate",
    abstract: "Runs the stages of a pipeline under faults that a seed chooses.",
    discussion: """
      A failure is shrunk and written as a fixture, which --replay runs again, exactly.
      Docs/reliability.md says what is injected.
      """)

  @Option(help: "Run one seed.")
  var seed: UInt64?

  @Option(help: ArgumentHelp("Run so many seeds.", valueName: "count"))
  var seeds: UInt64?

  @Option(help: ArgumentHelp("The first of them, 1 unless said.", valueName: "seed"))
  var from: UInt64?

  @Option(help: "Run seeds for so many seconds: new ones, or those from the first on.")
  var seconds: Double?

  @Option(
    name: .customLong("replay"), parsing: .upToNextOption,
    help: ArgumentHelp("Run fixtures.", valueName: "file"))
  var fixtures: [String] = []

  @Option(help: ArgumentHelp("Where the fixtures of failures are written.", valueName: "folder"))
  var failures = ".build/simulation"

  @Flag(help: "Say what the stages log.")
  var verbose = false

  mutating func validate() throws {
    let modes = [seed != nil, seeds != nil, seconds != nil, !fixtures.isEmpty].count { $0 }
    guard modes == 1 else {
      throw ValidationError("expected one of --seed, --seeds, --seconds and --replay")
    }
  }

  mutating func run() throws {
    try Simulate.fixHashes()
    if !fixtures.isEmpty { return try replay() }
    let began = Date()
    var runs = 0
    func report(_ seed: UInt64) throws {
      runs += 1
      let scenario = Scenario(seed: seed)
      guard let violation = try fails(scenario) else { return }
      try tell(violation, seed, scenario)
      throw ExitCode(1)
    }
    if let seed {
      try report(seed)
    } else if let seeds {
      let first = from ?? 1
      for seed in first..<first + seeds { try report(seed) }
    } else if let seconds {
      var seed = from ?? UInt64(began.timeIntervalSince1970 * 1000)
      while Date().timeIntervalSince(began) < seconds {
        try report(seed)
        seed += 1
      }
    }
    print(
      "\(runs) \(runs == 1 ? "run" : "runs") in "
        + "\(String(format: "%.1f", Date().timeIntervalSince(began))) s: no promise broken")
  }

  /// Swift's dictionaries are ordered by chance unless the environment says otherwise, before the start.
  private static func fixHashes() throws {
    let name = "SWIFT_DETERMINISTIC_HASHING"
    guard ProcessInfo.processInfo.environment[name] == nil else { return }
    setenv(name, "1", 1)
    var arguments = CommandLine.arguments.map { strdup($0) } + [nil]
    execv("/proc/self/exe", &arguments)
    throw ValidationError("cannot start anew with \(name): \(String(cString: strerror(errno)))")
  }

  private func replay() throws {
    for path in fixtures {
      let scenario = try Scenario(
        fixture: try String(contentsOfFile: path, encoding: .utf8), path: path)
      guard let violation = try fails(scenario) else {
        print("\(path): no promise broken")
        continue
      }
      print("\(path): \(violation)")
      throw ExitCode(1)
    }
  }

  /// Runs a scenario in a folder of its own; nil when nothing is broken.
  private func fails(_ scenario: Scenario) throws -> Violation? {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "simulation-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    // What cannot be removed of the temporary folder harms nobody.
    defer { try? FileManager.default.removeItem(at: folder) }
    var logger = Logger(label: "simulation") { label -> any LogHandler in
      guard verbose else { return SwiftLogNoOpLogHandler() }
      return StreamLogHandler.standardError(label: label)
    }
    logger.logLevel = .debug
    do {
      let world = try World(scenario, folder: folder.path, logger: logger)
      try world.run(scenario.events)
      return nil
    } catch let violation as Violation {
      return violation
    }
  }

  /// Says what failed, makes it small, and writes it down.
  private func tell(_ violation: Violation, _ seed: UInt64, _ scenario: Scenario) throws {
    print("seed \(seed): \(violation)")
    var shrinking = Shrinking(scenario, violation) { scenario in
      // A scenario that cannot be run at all is no smaller failure.
      (try? fails(scenario)) ?? nil
    }
    shrinking.shrink()
    try FileManager.default.createDirectory(atPath: failures, withIntermediateDirectories: true)
    let path = "\(failures)/seed-\(seed).jsonl"
    try shrinking.scenario.fixture().write(toFile: path, atomically: true, encoding: .utf8)
    print(
      "shrunk from \(scenario.events.count) to \(shrinking.scenario.events.count) events in "
        + "\(shrinking.runs) runs: \(path)\n\(shrinking.violation)")
  }
}
