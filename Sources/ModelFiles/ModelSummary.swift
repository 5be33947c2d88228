import Recurrence

/// What `millrace model inspect` prints.
package struct ModelSummary {
  private let loaded: LoadedModel

  package init(_ loaded: LoadedModel) { self.loaded = loaded }

  package var text: String {
    let model = loaded.model
    var rows = [["#", "layer", "kind", "output", "parameters", "state"]]
    for summary in model.layerSummaries {
      let state = model.stateLayout.rows
        .filter { $0.layerIndex == summary.index }.reduce(0) { $0 + $1.width }
      rows.append([
        "\(summary.index)", summary.name, summary.kindName, "\(summary.outputWidth)",
        "\(summary.parameterCount)", "\(state)",
      ])
    }
    let stateBytes = model.stateLayout.portableCount * MemoryLayout<Float>.size
    let hash = loaded.sha256.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    return """
      file        \(loaded.path)
      format      \(loaded.format)
      sha256      \(hash)
      input       \(input(model.input))
      output      \(output(model))
      parameters  \(model.parameterCount)
      state       \(stateBytes) bytes a stream

      \(ModelSummary.table(rows))
      """
  }

  private func input(_ input: ModelInput) -> String {
    switch input {
    case .tokens(let vocabulary): "token ids, 0 to \(vocabulary - 1)"
    case .vectors(let width): "vectors of \(width)"
    }
  }

  private func output(_ model: Model) -> String {
    let shape =
      switch model.shape {
      case .manyToMany: "one a step"
      case .manyToOne: "one for the sequence (running answer each step)"
      case .oneToMany(let count): "\(count) at the end of the sequence"
      }
    return "\(model.outputWidth)\(model.outputIsDistribution ? " (softmax)" : ""), \(shape)"
  }

  /// Columns of equal width; numbers to the right.
  private static func table(_ rows: [[String]]) -> String {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      row.enumerated().map { column, cell in
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        return column == 1 || column == 2 ? cell + padding : padding + cell
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}
