import Durability
import Foundation
import Recurrence
import ZeroMQ

/// `millrace doctor`: looks at the machine, and at what a pipeline needs of it; changes nothing.
package struct Doctor: Sendable {
  /// Pipeline files to look at besides.
  private let pipelines: [String]
  /// A state store to look at besides those that the files name.
  private let store: String?

  package init(pipelines: [String], store: String?) {
    self.pipelines = pipelines
    self.store = store
  }

  /// Takes about a second, and one more for each pipeline that is served.
  package func examine() -> [Finding] {
    var findings = versions() + [libzmqFeatures(), kernels(), arithmetic()]
    findings += MachineExamination().findings
    for path in pipelines { findings += PipelineExamination(path).findings() }
    if let store { findings.append(Doctor.store(at: store)) }
    return findings
  }

  // MARK: Versions

  private func versions() -> [Finding] {
    let version = Library.version
    let text = version.map(String.init).joined(separator: ".")
    let isKnown = version.lexicographicallyPrecedes([4, 3, 0]) == false
    return [
      .ok("millrace", Version.current),
      isKnown
        ? .ok("libzmq", text)
        : .problem(
          "libzmq", "\(text), expected 4.3 or later", "install libzmq5 of Debian 12 or later"),
    ]
  }

  private func libzmqFeatures() -> Finding {
    let check = "libzmq features"
    let features = ["ipc", "curve", "draft"].map { "\($0) \(Library.has($0) ? "yes" : "no")" }
      .joined(separator: ", ")
    guard Library.has("ipc") else {
      return .problem(
        check, features, "give every endpoint as tcp://127.0.0.1:PORT, or install a libzmq with ipc"
      )
    }
    guard Library.has("curve") else {
      return .warning(
        check, features, "endpoints off loopback cannot be encrypted; install a libzmq with CURVE")
    }
    return .ok(check, features)
  }

  // MARK: Kernels

  private func kernels() -> Finding {
    let check = "kernels"
    do {
      try KernelChoice.check()
      let model = try Doctor.sampleModel()
      let rate = try StepRate(model)
      let found = "\(rate.kernels); LSTM 128: \(rate.text)"
      let best = StepKernels.names.first { StepKernels.isAvailable($0) } ?? "portable"
      guard rate.kernels == best else {
        return .warning(
          check, found, "this machine has \(best), which is faster; unset MILLRACE_KERNELS")
      }
      guard rate.kernels != "portable" else {
        return .warning(
          check, found, "a processor with AVX2, AVX-512 or NEON steps several times as fast")
      }
      return .ok(check, found)
    } catch {
      return .problem(check, "\(error)", "unset MILLRACE_KERNELS")
    }
  }

  /// A layer of the size that is often used, with weights that keep it busy.
  private static func sampleModel() throws -> Model {
    let units = 128
    var generator = SplitMix64(seed: 1)
    func matrix(_ rows: Int, _ columns: Int) -> Matrix {
      Matrix(
        rows: rows, columns: columns,
        values: (0..<rows * columns).map { _ in Float.random(in: -0.1...0.1, using: &generator) })
    }
    let cell = LSTMCell(
      name: "lstm", units: units, kernel: matrix(units, 4 * units),
      recurrentKernel: matrix(units, 4 * units), bias: [Float](repeating: 0, count: 4 * units),
      activation: .tanh, recurrentActivation: .sigmoid, returnSequences: true,
      zeroOutputForMask: false)
    return try Model(layers: [.lstm(cell)], input: .vectors(width: units), name: "sample")
  }

  /// The kernels promise the same bits only in the arithmetic that a process begins with.
  private func arithmetic() -> Finding {
    let check = "arithmetic"
    guard !StepKernels.flushesDenormals else {
      return .problem(
        check, "denormal numbers are flushed to zero (MXCSR or FPCR)",
        "something in the environment sets it: look at LD_PRELOAD, and at libraries built with "
          + "-ffast-math")
    }
    guard fegetround() == FE_TONEAREST else {
      return .problem(
        check, "numbers are not rounded to the nearest", "look at LD_PRELOAD for what changes it")
    }
    return .ok(check, "denormals kept, rounded to the nearest")
  }

  // MARK: Store

  static func store(at path: String) -> Finding {
    let check = "store"
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    guard FileManager.default.fileExists(atPath: path) else {
      guard access(folder, W_OK) == 0 else {
        return .problem(
          check, "\(path) is not there, and \(folder) may not be written to",
          "make the folder, or let the daemon's user write to it")
      }
      return .ok(check, "\(path) is not there yet; the daemon makes it")
    }
    do {
      let inspection = try StoreInspection(path: path)
      guard access(path, W_OK) == 0, access(folder, W_OK) == 0 else {
        return .problem(
          check, "\(path) may not be written to",
          "let this user write to the file and to \(folder), where SQLite keeps its journal")
      }
      return .ok(
        check,
        "\(path): quick_check ok, \(inspection.checkpoints) streams, "
          + "\(Quantity.bytes(UInt64(inspection.byteCount))), SQLite \(inspection.sqliteVersion)")
    } catch {
      return .problem(
        check, "\(error)",
        "put a backup in its place, or move it away: its streams are then forgotten")
    }
  }
}

extension [Finding] {
  /// A line for each, and one for what to do about it.
  package var text: String {
    let width = map(\.check.count).max() ?? 0
    var lines: [String] = []
    for finding in self {
      let check = finding.check.padding(toLength: width, withPad: " ", startingAt: 0)
      let status = finding.status.rawValue.padding(toLength: 8, withPad: " ", startingAt: 0)
      lines.append("\(status) \(check)  \(finding.found)")
      if let advice = finding.advice {
        lines.append(String(repeating: " ", count: width + 11) + "-> \(advice)")
      }
    }
    let problems = count { $0.status == .problem }
    let warnings = count { $0.status == .warning }
    lines.append(
      "\(problems) \(problems == 1 ? "problem" : "problems"), "
        + "\(warnings) \(warnings == 1 ? "warning" : "warnings")")
    return lines.joined(separator: "\n")
  }

  package var hasProblems: Bool { contains { $0.status == .problem } }
}
