import Foundation
import Logging
import Millrace
import ModelFiles
import Recurrence
import Synchronization
import ZeroMQ

/// A whole pipeline in this process, its stages on threads of their own.
enum BenchPipeline {
  /// Starts it, calls `body` on a thread of its own, and stops it.
  ///
  /// `durability` other than `none` keeps a store in the temporary folder; taps are at `monitor`.
  static func run<Result: Sendable>(
    _ kind: BenchModel, over transport: String, durability: String = "none",
    monitor: String? = nil,
    _ body: @escaping @Sendable (Context, String) throws -> Result
  ) async throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "millrace-bench-\(getpid())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let endpoint: String
    switch transport {
    case "inproc": endpoint = "inproc://bench-\(serial.wrappingAdd(1, ordering: .relaxed).newValue)"
    case "ipc":
      endpoint =
        "ipc://\(folder.path)/\(serial.wrappingAdd(1, ordering: .relaxed).newValue)"
    default:
      endpoint =
        "tcp://127.0.0.1:\(20_000 + serial.wrappingAdd(1, ordering: .relaxed).newValue % 20_000)"
    }
    let state = folder.appending(path: "\(serial.load(ordering: .relaxed)).sqlite").path
    var text = "model: none\n"
    if durability != "none" { text += "state: { store: \(state), durability: \(durability) }\n" }
    var file = try PipelineFile(text: text, path: "bench.yaml")
    file.name = "bench-\(serial.load(ordering: .relaxed))"
    file.ingress = endpoint
    file.monitor = monitor
    let model = LoadedModel(
      model: try kind.make(), sha256: [UInt8](repeating: 1, count: 32), format: "benchmark",
      kerasVersion: "", path: "")
    let pipeline = Pipeline(
      file: file, model: model, encoding: .ids(bound: Int32(BenchModel.vocabulary)),
      format: AnswerFormat(labels: [], top: 3, showsValues: false, tokenText: nil))
    let store = try pipeline.openStore(of: nil)
    let context = try Context()
    var logger = Logger(label: "bench")
    logger.logLevel = .error
    let (isReady, ready) = AsyncStream.makeStream(of: Void.self)
    let runner = try PipelineRunner(
      stages: pipeline.stages(.daemon, store: store), context: context, logger: logger
    ) { ready.finish() }
    let running = Task { try await runner.run() }
    for await _ in isReady {}
    let result = try await withCheckedThrowingContinuation { continuation in
      let thread = Thread { continuation.resume(with: .init { try body(context, endpoint) }) }
      thread.start()
    }
    await runner.stop()
    try await running.value
    store?.finish()
    for end in ["", "-wal", "-shm", ".lock"] {
      _ = try? FileManager.default.removeItem(atPath: state + end)
    }
    return result
  }

  private static let serial = Atomic<Int>(0)
}
