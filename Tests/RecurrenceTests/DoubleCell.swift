import Foundation

@testable import Recurrence

/// A recurrent layer in double precision, straight from the equations: what kernels are measured by.
struct DoubleCell {
  private let layer: Layer
  private(set) var h: [Double]
  private var c: [Double]

  init(_ layer: Layer) {
    self.layer = layer
    h = [Double](repeating: 0, count: layer.outputWidth ?? 0)
    c = h
  }

  private func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  private func sums(_ x: [Double], _ weights: Matrix, _ columns: Range<Int>) -> [Double] {
    var sums = [Double](repeating: 0, count: columns.count)
    for (row, value) in x.enumerated() {
      for column in columns {
        sums[column - columns.lowerBound] += value * Double(weights[row, column])
      }
    }
    return sums
  }

  private func gate(
    _ gate: Int, _ x: [Double], _ kernel: Matrix, _ recurrent: Matrix, _ bias: [Float],
    _ past: [Double]
  ) -> [Double] {
    let columns = gate * h.count..<(gate + 1) * h.count
    let input = sums(x, kernel, columns)
    let carried = sums(past, recurrent, columns)
    return h.indices.map { input[$0] + carried[$0] + Double(bias[columns.lowerBound + $0]) }
  }

  /// One step.
  mutating func step(_ input: [Float]) {
    let x = input.map(Double.init)
    switch layer {
    case .simpleRNN(let cell):
      h = gate(0, x, cell.kernel, cell.recurrentKernel, cell.bias ?? [], h).map { tanh($0) }
    case .lstm(let cell):
      let sums = (0..<4).map {
        gate($0, x, cell.kernel, cell.recurrentKernel, cell.bias ?? [], h)
      }
      for j in h.indices {
        c[j] = sigmoid(sums[1][j]) * c[j] + sigmoid(sums[0][j]) * tanh(sums[2][j])
        h[j] = sigmoid(sums[3][j]) * tanh(c[j])
      }
    case .gru(let cell): stepGRU(cell, x)
    default: break
    }
  }

  private mutating func stepGRU(_ cell: GRUCell, _ x: [Double]) {
    guard let bias = cell.bias else { return }
    let none = [Double](repeating: 0, count: h.count)
    let zeros = [Float](repeating: 0, count: 3 * h.count)
    let second = cell.resetAfter ? Array(bias.row(1)) : zeros
    let both = zip(bias.row(0), second).map { $0 + $1 }
    let z = gate(0, x, cell.kernel, cell.recurrentKernel, both, h).map(sigmoid)
    let r = gate(1, x, cell.kernel, cell.recurrentKernel, both, h).map(sigmoid)
    let input = gate(2, x, cell.kernel, cell.recurrentKernel, Array(bias.row(0)), none)
    let past = cell.resetAfter ? h : zip(r, h).map { $0 * $1 }
    let carried = gate(
      2, x.map { _ in 0 }, cell.kernel, cell.recurrentKernel, second, past)
    for j in h.indices {
      let candidate = tanh(input[j] + (cell.resetAfter ? r[j] * carried[j] : carried[j]))
      h[j] = z[j] * h[j] + (1 - z[j]) * candidate
    }
  }
}
