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
