/// A sum across units, in the one order that every implementation keeps.
///
/// Element `i` goes to partial sum `i mod 16`; the sixteen are then folded 8-4-2-1
/// (`s[i] += s[i + 8]`, then `+ 4`, `+ 2`, `+ 1`). All partial sums start at +0, so elements of
/// padding that are 0 change nothing.
struct PartialSums {
  private var sums = SIMD16<Float>(repeating: 0)

  /// Adds element `index`.
  @inline(__always)
  mutating func add(_ value: Float, at index: Int) { sums[index & 15] += value }

  /// Adds the product of two elements, fused.
  @inline(__always)
  mutating func addProduct(_ a: Float, _ b: Float, at index: Int) {
    sums[index & 15] = Arithmetic.fused(a, b, sums[index & 15])
  }

  /// The folded total.
  var total: Float {
    let eight = sums.lowHalf + sums.highHalf
    let four = eight.lowHalf + eight.highHalf
    let two = four.lowHalf + four.highHalf
    return two[0] + two[1]
  }

  /// The sum of a row.
  static func sum(_ row: UnsafePointer<Float>, count: Int) -> Float {
    var sums = PartialSums()
    var i = 0
    while i < count {
      sums.add(row[i], at: i)
      i += 1
    }
    return sums.total
  }

  /// The sum of the products of two rows.
  static func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int) -> Float {
    var sums = PartialSums()
    var i = 0
    while i < count {
      sums.addProduct(a[i], b[i], at: i)
      i += 1
    }
    return sums.total
  }
}
