import Foundation
import Testing

@testable import Recurrence

struct EmbeddingTests {
  private let embedding = Embedding(
    name: "embedding",
    embeddings: Matrix(
      rows: 5, columns: 3, values: [0, 0, 0, 1, 2, 2, 2, 4, 4, -1, -2, -2, 2, -1, 0]),
    maskZero: false)

  @Test func cosineByHand() {
    #expect(embedding.cosineSimilarity(1, 2) == 1)
    #expect(embedding.cosineSimilarity(1, 3) == -1)
    #expect(embedding.cosineSimilarity(1, 4) == 0)
    #expect(embedding.cosineSimilarity(0, 1) == 0)
  }

  /// A one-hot row times the matrix is the row that is looked up, bit for bit.
  @Test func aOneHotProductIsTheRow() throws {
    var layers = RandomLayers(seed: 52)
    let matrix = layers.matrix(31, 45)
    let table = try Model(
      layers: [.embedding(Embedding(name: "embedding", embeddings: matrix, maskZero: false))],
      input: .tokens(vocabulary: 31), name: "table")
    let product = try Model(
      layers: [.dense(Dense(name: "dense", kernel: matrix, bias: nil, activation: .linear))],
      input: .vectors(width: 31), name: "product")
    let tokens = (0..<31).map { Int32($0) }
    let rows = tokens.map { token in (0..<31).map { Float($0 == Int(token) ? 1 : 0) } }
    let looked = table.answers(toTokens: tokens, state: table.makeState())
    #expect(bits(looked) == bits(product.answers(to: rows, state: product.makeState())))
    #expect(bits(looked) == bits((0..<31).map { Array(matrix.row($0)) }))
    // Plainly too, by the equations.
    let state = product.makeState()
    for (row, want) in zip(rows, looked) {
      var batch = StepBatch(model: product, capacity: 1)
      batch.append(state, row: row)
      product.stepPlainly(&batch)
      #expect(bits([Array(batch.output(0))]) == bits([want]))
    }
  }

  @Test func nearestLeavesTheTokenItselfOut() {
    let nearest = embedding.nearest(to: 1, count: 3)
    #expect(nearest.map(\.token) == [2, 0, 4])
    #expect(nearest.map(\.similarity) == [1, 0, 0])
    #expect(embedding.nearest(to: 1, count: 99).count == 4)
    #expect(embedding.nearest(to: [-2, -4, -4], count: 1).map(\.token) == [3])
  }

  @Test func cosineAgreesWithDoublePrecision() {
    var layers = RandomLayers(seed: 51)
    let matrix = layers.matrix(2, 67)
    let random = Embedding(name: "embedding", embeddings: matrix, maskZero: false)
    let (a, b) = (matrix.row(0).map(Double.init), matrix.row(1).map(Double.init))
    func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }
    let exact = dot(a, b) / (dot(a, a).squareRoot() * dot(b, b).squareRoot())
    #expect(abs(Double(random.cosineSimilarity(0, 1)) - exact) < 1e-6)
  }
}
