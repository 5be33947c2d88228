/// Finds the known name that a misspelt one was meant to be.
package enum NearestName {
  /// The closest candidate within a third of its length; nil when none is close.
  package static func of(_ name: String, among candidates: [String]) -> String? {
    // No name that we know is as long, and comparing takes the product of the lengths.
    guard name.utf8.count <= 256 else { return nil }
    let scored = candidates.map { (name: $0, distance: distance(name, $0)) }
    guard let best = scored.min(by: { $0.distance < $1.distance }) else { return nil }
    return best.distance <= max(2, best.name.count / 3) ? best.name : nil
  }

  /// Levenshtein distance with transpositions of neighbours counted once.
  private static func distance(_ left: String, _ right: String) -> Int {
    let left = Array(left), right = Array(right)
    var before = [Int](repeating: 0, count: right.count + 1)
    var previous = Array(0...right.count)
    for i in left.indices {
      var current = [i + 1]
      for j in right.indices {
        var cost = min(
          previous[j + 1] + 1, current[j] + 1, previous[j] + (left[i] == right[j] ? 0 : 1))
        if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
          cost = min(cost, before[j - 1] + 1)
        }
        current.append(cost)
      }
      before = previous
      previous = current
    }
    return previous[right.count]
  }
}
