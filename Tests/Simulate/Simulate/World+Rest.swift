import Foundation
import Millrace

/// What must be true once a run has come to rest.
extension World {
  /// All that is left is acknowledged, trimmed and credited, once nobody has anything to send.
  func checkAtRest() throws {
    // What was lost has taken credit, until the next hello.
    for client in clients where client.isDisturbed { client.greet() }
    let rounds = 3 * Int(setup.checkpointMilliseconds) / 20 + 150
    // Who has all answers does not greet a daemon that was started anew: it is waited for.
    let held = Int(Limits.replyHoldMilliseconds) / 500 + rounds
    for count in 1...rounds + held {
      try roundAtRest()
      clock.pass(milliseconds: count < rounds ? 20 : 500)
      if count.isMultiple(of: 15), try isAtRest() { break }
    }
    for client in clients {
      guard client.credit == client.sent + window else {
        throw violation(
          "credit comes back", client.name, "\(client.sent) sent and a window of \(window)",
          "a credit of \(client.credit)")
      }
    }
    for (stage, most) in stageWindows where credit(of: stage) != Double(most) {
      throw violation("credit comes back", stage, "\(most) steps", "\(credit(of: stage))")
    }
    if isUndisturbed, !repeats, let client = clients.first(where: { !$0.wasAnsweredOnce }) {
      throw violation(
        "every step has one answer", client.name, "each answer once", client.standing)
    }
    try checkStores()
    try checkMemory()
  }

  /// Whether nothing more is to come.
  ///
  /// A process that was told to stop may only now have ended, and begun anew.
  private func isAtRest() throws -> Bool {
    let isCredited =
      clients.allSatisfy { $0.credit == $0.sent + window }
      && stageWindows.allSatisfy { credit(of: $0) == Double($1) }
    return try isCredited && processes.allSatisfy { try !$0.isStopping && groups(of: $0).isEmpty }
  }

  /// What each stage may send when nothing is under way.
  private var stageWindows: [(stage: String, steps: Int)] {
    [("tokenizer", setup.workers * 4096)] + (0..<setup.workers).map { ("inference-\($0)", 8192) }
  }

  private func credit(of stage: String) -> Double {
    let process = processes.first { $0.stageNames.contains(stage) }
    return process?.metric("millrace_credit_steps{stage=\"\(stage)\"") ?? 0
  }

  /// Groups of input that a store still has.
  private func groups(of process: SimulatedProcess) throws -> [UInt64] {
    var groups: [UInt64] = []
    try process.store?.forEachInputGroup { group, _ in groups.append(group) }
    return groups
  }

  /// Input that is saved and answered leaves the store.
  private func checkStores() throws {
    for process in processes {
      let groups = try groups(of: process)
      guard groups.isEmpty else {
        throw violation(
          "what is saved leaves the store", process.name, "no input kept", "groups \(groups)")
      }
    }
  }

  /// No stage knows more streams than it may.
  private func checkMemory() throws {
    let metrics =
      ["millrace_streams_active"]
      + (0..<setup.workers).map { "millrace_stage_streams{stage=\"inference-\($0)\"" }
    for process in processes {
      for metric in metrics where process.metric(metric) > Double(setup.liveStreams) {
        throw violation(
          "memory is bounded", "\(process.name), \(metric)", "at most \(setup.liveStreams)",
          "\(process.metric(metric))")
      }
    }
  }

  /// The file has every line once, in its order.
  func checkOutput() throws {
    let text = try String(contentsOfFile: "\(folder)/output.jsonl", encoding: .utf8)
    var written: [String: [Substring]] = [:]
    for line in text.split(separator: "\n") {
      let name = line.dropFirst("{\"stream\":\"".count).prefix { $0 != "\"" }
      written[String(name), default: []].append(line)
    }
    for client in clients {
      for (stream, lives) in Dictionary(grouping: client.lives, by: \.stream) {
        let expected = lives.flatMap(\.expected.lines)
        let received = written[stream] ?? []
        guard
          let place = zip(expected, received).enumerated()
            .first(where: { $0.element.0 != $0.element.1 })?.offset
            ?? (expected.count == received.count ? nil : min(expected.count, received.count))
        else { continue }
        throw violation(
          "the output is that of an undisturbed run", "stream \(stream), line \(place + 1)",
          place < expected.count ? expected[place] : "no more than \(expected.count) lines",
          place < received.count ? String(received[place]) : "\(received.count) lines")
      }
    }
  }
}
