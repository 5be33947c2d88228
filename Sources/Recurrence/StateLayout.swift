/// Where each row of a stream's state lies.
package struct StateLayout: Sendable, Equatable {
  /// In the order of the layers; an LSTM has h, then c; a Conv1D its past inputs, oldest first.
  package let rows: [StateRow]
  /// Floats of the padded buffer, a multiple of 16.
  package var paddedCount: Int { Int(padded) }
  /// Floats of the portable copy, which has no padding.
  package var portableCount: Int { Int(portable) }
  // In 32 bits, since every stream's state holds a layout.
  private let padded: UInt32
  private let portable: UInt32

  /// Lays out the state of some of a model's layers.
  init(layers: [Layer], outputWidths: [Int], range: Range<Int>) {
    var rows: [StateRow] = []
    var offset = 0
    for index in range {
      for row in layers[index].stateRows(outputWidth: outputWidths[index]) {
        rows.append(
          StateRow(
            layerIndex: index, layerName: layers[index].name, kind: row.kind, offset: offset,
            width: row.width))
        offset += AlignedFloats.padded(row.width)
      }
    }
    self.rows = rows
    padded = UInt32(offset)
    portable = UInt32(rows.reduce(0) { $0 + $1.width })
  }

  /// The rows of h and c: what a stream may be given to start from, in this order.
  package var recurrentRows: [StateRow] { rows.filter { $0.kind == .h || $0.kind == .c } }

  /// Floats of all h and c.
  package var recurrentCount: Int { recurrentRows.reduce(0) { $0 + $1.width } }

  /// For people: "lstm h 24, lstm c 24".
  package var recurrentText: String {
    recurrentRows.map { "\($0.layerName) \($0.kind == .h ? "h" : "c") \($0.width)" }
      .joined(separator: ", ")
  }

  /// Where the first row of each layer starts; 0 for a layer that has none.
  func offsets(layerCount: Int) -> [Int] {
    var offsets = [Int](repeating: 0, count: layerCount)
    for row in rows.reversed() { offsets[row.layerIndex] = row.offset }
    return offsets
  }
}
