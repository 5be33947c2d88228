import UnixSignals
import ZeroMQ

/// `millrace top`: stages and streams of a running daemon, live in a terminal, or as lines in a pipe.
package struct TopRun: Sendable {
  private let endpoints: [(endpoint: String, keys: CurveClientKeys?)]
  private let limit: Int?
  private let sort: String?

  /// - Parameters:
  ///   - endpoints: of the daemon's taps; its processes may have one each. Keys are for those that
  ///     are encrypted.
  ///   - limit: ends after so many seconds' lines.
  ///   - sort: the title of a column of the stages.
  package init(
    endpoints: [(endpoint: String, keys: CurveClientKeys?)], limit: Int?, sort: String?
  ) {
    self.endpoints = endpoints
    self.limit = limit
    self.sort = sort
  }

  /// Where a pipeline's taps are.
  package static func endpoints(of file: PipelineFile) -> [String]? {
    file.monitor.map { monitor in
      file.links == nil
        ? [monitor] : StageName.allCases.map { Endpoint.worker($0.index, of: monitor) }
    }
  }

  /// The columns that it can be sorted by.
  package static var columns: [String] {
    [TopColumn<DaemonStats.Stage>].stages.map { $0.title.lowercased() }
  }

  /// Runs until it is quit or interrupted.
  package func run(output: @escaping @Sendable (String) throws -> Void) async throws {
    let stopped = try Signal()
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    let watch = Task {
      for await _ in signals { stopped.raise() }
    }
    defer { watch.cancel() }
    try await onThread(named: "top") {
      try TopLoop(endpoints: endpoints, limit: limit, sort: sort, stopped: stopped).run(output)
    }
  }
}
