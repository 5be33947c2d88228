import ModelFiles
import Monitoring
import Recurrence

/// What does not change while a process runs: for the stats tap, and for the info metrics.
package struct PipelineFacts: Codable, Sendable, Equatable {
  package var pipeline: String
  /// `daemon`, or the one stage of the process.
  package var process: String
  package var version: String
  /// `sha256:` and 64 digits.
  package var model: String
  package var format: String
  package var precision: String
  /// The path of the step kernels: `avx512`.
  package var kernels: String
  /// What passes from stage to stage, for people.
  package var edges: String
  /// The first of the class names; empty where there are none.
  package var labels: [String]

  /// Whether the model begins with an Embedding, whose tokens have neighbours.
  package var embeds: Bool

  package var layers: [Layer]

  /// A recurrent layer, whose state and gates can be watched.
  package struct Layer: Codable, Sendable, Equatable {
    package var name: String
    package var units: Int
    /// Whether it has c beside h.
    package var cell: Bool
  }

  private static let labelsMax = 256

  package init(_ pipeline: Pipeline, process: String) {
    self.pipeline = pipeline.file.name
    self.process = process
    version = Version.current
    model = pipeline.model.hashText
    format = pipeline.model.format
    precision = pipeline.file.precision.rawValue
    kernels = "\(pipeline.model.model.kernels)"
    edges = pipeline.edges
    embeds = SimilarTokens(pipeline) != nil
    let rows = pipeline.model.model.stateLayout.rows
    layers = rows.filter { $0.kind == .h }.map { row in
      let hasCell = rows.contains { $0.kind == .c && $0.layerIndex == row.layerIndex }
      return Layer(name: row.layerName, units: row.width, cell: hasCell)
    }
    labels = Array(pipeline.format.labelNames.prefix(PipelineFacts.labelsMax))
  }

  /// Adds the info metrics, but for the model's, and those of the process.
  func describe(in registry: MetricsRegistry) {
    registry.addProcessFigures()
    registry.info(
      "millrace_build_info", "The version that runs.", [MetricLabel("version", version)])
    registry.info(
      "millrace_kernels_info", "The instruction set of the step kernels.",
      [MetricLabel("path", kernels)])
  }

  var modelLabels: [MetricLabel] {
    [
      MetricLabel("pipeline", pipeline),
      MetricLabel("model", String(model.dropFirst("sha256:".count).prefix(16))),
      MetricLabel("format", format), MetricLabel("precision", precision),
    ]
  }
}
