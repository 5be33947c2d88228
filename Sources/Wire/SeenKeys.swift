/// The keys of one JSON object so far.
///
/// Most objects have a few, for which a list is the fastest; a hello may name a hundred thousand
/// streams, each of which would be looked for among all others.
struct SeenKeys {
  private static let listedMax = 16

  private var listed: [String] = []
  private var others: Set<String> = []

  /// Whether the key is new.
  mutating func insert(_ key: String) -> Bool {
    guard !listed.contains(key) else { return false }
    guard listed.count == SeenKeys.listedMax else {
      listed.append(key)
      return true
    }
    return others.insert(key).inserted
  }
}
