extension Embedding {
  /// The cosine of the angle between two tokens' rows: -1 to 1, and 0 if either row is all zeros.
  ///
  /// `dot(a, b) / (sqrt(dot(a, a)) * sqrt(dot(b, b)))`, each sum by sixteen partial sums.
  package func cosineSimilarity(_ first: Int, _ second: Int) -> Float {
    precondition(first >= 0 && first < vocabulary && second >= 0 && second < vocabulary)
    return embeddings.values.withUnsafeBufferPointer { values in
      guard let start = values.baseAddress else { return 0 }
      return Self.cosine(start + first * width, start + second * width, count: width)
    }
  }

  /// The tokens whose rows are closest in direction to a token's own, which is left out.
  ///
  /// - Returns: at most `count` tokens, the most similar first; of equals the lower id first.
  package func nearest(to token: Int, count: Int) -> [(token: Int, similarity: Float)] {
    let vector = embeddings.row(token)
    return Array(nearest(to: vector, count: count + 1).filter { $0.token != token }.prefix(count))
  }

  /// The tokens whose rows are closest in direction to a vector of `width` values.
  ///
  /// - Returns: at most `count` tokens, the most similar first; of equals the lower id first.
  package func nearest(to vector: [Float], count: Int) -> [(token: Int, similarity: Float)] {
    precondition(vector.count == width, "expected \(width) values, received \(vector.count)")
    var all: [(token: Int, similarity: Float)] = []
    all.reserveCapacity(vocabulary)
    embeddings.values.withUnsafeBufferPointer { values in
      vector.withUnsafeBufferPointer { wanted in
        guard let start = values.baseAddress, let wanted = wanted.baseAddress else { return }
        for token in 0..<vocabulary {
          all.append((token, Self.cosine(start + token * width, wanted, count: width)))
        }
      }
    }
    all.sort { ($0.similarity, $1.token) > ($1.similarity, $0.token) }
    return Array(all.prefix(count))
  }

  private static func cosine(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int
  ) -> Float {
    let norm =
      PartialSums.dot(a, a, count: count).squareRoot()
      * PartialSums.dot(b, b, count: count).squareRoot()
    return norm == 0 ? 0 : PartialSums.dot(a, b, count: count) / norm
  }
}
