import Recurrence

/// What `millrace model inspect` prints.
package struct ModelSummary: Sendable, Encodable {
  /// One layer.
  package struct Row: Sendable, Equatable, Encodable {
    package let index: Int
    package let name: String
    /// The Keras class name.
    package let kindName: String
    /// Values a step gives.
    package let outputWidth: Int
    package let parameterCount: Int
    /// Floats that each stream keeps for this layer.
    package let stateFloatCount: Int

    private enum CodingKeys: String, CodingKey {
      case index, name
      case kindName = "kind"
      case outputWidth = "output"
      case parameterCount = "parameters"
      case stateFloatCount = "state"
    }
  }

  /// One row of h or c.
  package struct StateRow: Sendable, Equatable, Encodable {
    package let layer: String
    /// "h" or "c".
    package let kind: String
    package let width: Int
  }

  package let rows: [Row]
  package let parameterCount: Int
  /// Bytes that each stream keeps, without padding.
  package let stateByteCount: Int
  /// h and c, in the order in which a stream may be given them.
  package let stateRows: [StateRow]
  private let stateRowsText: String
  /// Bytes of the first weights' products with every token, shared by all streams; 0 without.
  package let tokenTableByteCount: Int
  package let path: String
  package let format: String
  /// Nil if Keras did not write the file.
  package let kerasVersion: String?
  /// SHA-256 of the file, 64 hexadecimal digits.
  package let sha256Text: String
  package let inputText: String
  package let outputText: String
  /// What was taken otherwise than it stands in the file, in words.
  package let conversions: [String]
  /// Names of the outputs, where the file brings them.
  package let labels: [String]?

  /// As `--json` names them.
  private enum CodingKeys: String, CodingKey {
    case rows = "layers"
    case parameterCount = "parameters"
    case stateByteCount = "stateBytes"
    case stateRows
    case tokenTableByteCount = "tokenTableBytes"
    case path = "file"
    case format
    case kerasVersion
    case sha256Text = "sha256"
    case inputText = "input"
    case outputText = "output"
    case conversions = "converted"
    case labels
  }

  package init(_ loaded: LoadedModel) {
    let model = loaded.model
    rows = model.layerSummaries.map { layer in
      let state = model.stateLayout.rows.filter { $0.layerIndex == layer.index }
      return Row(
        index: layer.index, name: layer.name, kindName: layer.kindName,
        outputWidth: layer.outputWidth, parameterCount: layer.parameterCount,
        stateFloatCount: state.reduce(0) { $0 + $1.width })
    }
    parameterCount = model.parameterCount
    stateByteCount = model.stateLayout.portableCount * MemoryLayout<Float>.size
    stateRows = model.stateLayout.recurrentRows.map {
      StateRow(layer: $0.layerName, kind: $0.kind == .h ? "h" : "c", width: $0.width)
    }
    stateRowsText = model.stateLayout.recurrentText
    tokenTableByteCount = model.tokenTableBytes
    path = loaded.path
    format = loaded.format
    kerasVersion = loaded.kerasVersion
    sha256Text = loaded.sha256Text
    inputText =
      ModelSummary.text(of: model.input) + (loaded.vocabulary.map { " (\($0.text))" } ?? "")
    outputText = ModelSummary.outputText(of: model)
    conversions = loaded.conversions
    labels = loaded.labels
  }

  private static func text(of input: ModelInput) -> String {
    switch input {
    case .tokens(let vocabulary): "token ids, 0 to \(vocabulary - 1)"
    case .vectors(let width): "vectors of \(width)"
    }
  }

  private static func outputText(of model: Model) -> String {
    let shape =
      switch model.shape {
      case .manyToMany: "one a step"
      case .manyToOne: "one for the sequence (running answer each step)"
      case .oneToMany(let count): "\(count) at the end of the sequence"
      }
    return "\(model.outputWidth)\(model.outputIsDistribution ? " (softmax)" : ""), \(shape)"
  }

  /// An aligned table, without a newline at its end.
  package var text: String {
    var cells = [["#", "layer", "kind", "output", "parameters", "state"]]
    for row in rows {
      cells.append([
        "\(row.index)", row.name, row.kindName, "\(row.outputWidth)", "\(row.parameterCount)",
        "\(row.stateFloatCount)",
      ])
    }
    return """
      file        \(path)
      format      \(format)
      sha256      \(sha256Text)
      input       \(inputText)
      output      \(outputText)
      parameters  \(parameterCount)
      state       \(stateByteCount) bytes a stream\(stateRowsText.isEmpty ? "" : ": \(stateRowsText)")
      token table \(tokenTableByteCount == 0 ? "none" : "\(tokenTableByteCount) bytes")
      labels      \(labels.map { "\($0.count) in the file" } ?? "none in the file")
      converted   \(conversions.isEmpty ? "nothing" : conversions.joined(separator: "\n            "))

      \(ModelSummary.table(cells))
      """
  }

  /// Columns of equal width; names to the left, numbers to the right.
  private static func table(_ rows: [[String]]) -> String {
    let columnCount = rows.first?.count ?? 0
    let widths = (0..<columnCount).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      row.enumerated().map { column, cell in
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        return column == 1 || column == 2 ? cell + padding : padding + cell
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}
