/// A tensor of a graph that does not depend on the stream.
struct ONNXConstant: Sendable {
  enum Content: Sendable {
    case floats([Float])
    /// Whole numbers, and sizes.
    case integers([ONNXDimension])
    /// One number everywhere, of a shape that may depend on the stream.
    case filled(Float)
  }

  var shape: [ONNXDimension]
  /// Row-major.
  var content: Content

  init(shape: [ONNXDimension], _ content: Content) {
    self.shape = shape
    self.content = content
  }

  init(integers: [ONNXDimension], isScalar: Bool = false) {
    shape = isScalar ? [] : [.known(integers.count)]
    content = .integers(integers)
  }

  /// Its sizes; nil if one is not known.
  var sizes: [Int]? {
    let known = shape.compactMap(\.size)
    return known.count == shape.count ? known : nil
  }

  /// The numbers as floats; nil for other content.
  var floats: [Float]? {
    switch content {
    case .floats(let values): return values
    case .filled(let value):
      guard let sizes, let count = Self.count(of: sizes) else { return nil }
      return [Float](repeating: value, count: count)
    case .integers: return nil
    }
  }

  var integers: [ONNXDimension]? {
    if case .integers(let values) = content { values } else { nil }
  }

  /// Whole numbers that are all known.
  var knownIntegers: [Int]? {
    guard let integers else { return nil }
    let known = integers.compactMap(\.size)
    return known.count == integers.count ? known : nil
  }

  /// Whether it is zeros, whatever its shape.
  var isZero: Bool {
    switch content {
    case .floats(let values): values.allSatisfy { $0 == 0 }
    case .filled(let value): value == 0
    case .integers: false
    }
  }

  /// The product of the sizes; nil if it is absurd.
  static func count(of sizes: [Int]) -> Int? {
    if sizes.contains(0) { return 0 }
    var count = 1
    for size in sizes {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard size > 0, !overflow, product <= 1 << 30 else { return nil }
      count = product
    }
    return count
  }

  /// The elements at some positions, which must be within the content.
  func picking(_ positions: [Int], shape: [ONNXDimension]) -> ONNXConstant {
    switch content {
    case .floats(let values):
      ONNXConstant(shape: shape, .floats(positions.map { values[$0] }))
    case .integers(let values):
      ONNXConstant(shape: shape, .integers(positions.map { values[$0] }))
    case .filled(let value): ONNXConstant(shape: shape, .filled(value))
    }
  }
}
