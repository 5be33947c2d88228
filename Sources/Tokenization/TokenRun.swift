/// Tokens that one piece of input completed; reused from piece to piece.
package struct TokenRun: Equatable, Sendable {
  package var ids: [Int32] = []
  /// For each token, the bytes of the stream used through its last byte.
  package var ends: [UInt64] = []

  package init() {}

  package mutating func removeAll() {
    ids.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
  }

  mutating func append(_ id: Int32, end: UInt64) {
    ids.append(id)
    ends.append(end)
  }
}
