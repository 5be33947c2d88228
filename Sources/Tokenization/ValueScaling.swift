import Foundation

/// Scales each column as the model's training did: (x - mean) / scale, in 32 bits as numpy does.
package struct ValueScaling: Sendable, Equatable {
  package enum Failure: Error, Equatable, CustomStringConvertible {
    case notJSON(String)
    case missing(key: String)
    case wrongCount(key: String, received: Int, expected: Int)
    case notFinite(key: String, column: Int)
    case zeroScale(column: Int)

    package var description: String {
      switch self {
      case .notJSON(let reason): "is not JSON (\(reason)), expected {\"mean\":[...],\"std\":[...]}"
      case .missing(let key): "has no \"\(key)\", expected {\"mean\":[...],\"std\":[...]}"
      case .wrongCount(let key, let received, let expected):
        "\"\(key)\" has \(received) values, expected \(expected), one for each column, or a single number for all"
      case .notFinite(let key, let column): "\"\(key)\" of column \(column) is not finite"
      case .zeroScale(let column): "the scale of column \(column) is 0"
      }
    }
  }

  /// The numbers of one key, as a file says them.
  package enum Factor: Sendable, Equatable {
    /// A single number, for every column.
    case all(Float)
    /// A list: one for each column.
    case each([Float])
  }

  package let mean: [Float]
  package let scale: [Float]

  /// - Throws: a `Failure` for a list of another length than `width`, or numbers that cannot scale.
  package init(mean: Factor, scale: Factor, width: Int) throws(Failure) {
    func widened(_ factor: Factor, _ key: String) throws(Failure) -> [Float] {
      let values =
        switch factor {
        case .all(let value): [Float](repeating: value, count: width)
        case .each(let values): values
        }
      guard values.count == width else {
        throw .wrongCount(key: key, received: values.count, expected: width)
      }
      if let column = values.firstIndex(where: { !$0.isFinite }) {
        throw .notFinite(key: key, column: column)
      }
      return values
    }
    self.mean = try widened(mean, "mean")
    self.scale = try widened(scale, "scale")
    if let column = self.scale.firstIndex(of: 0) { throw .zeroScale(column: column) }
  }

  /// Reads `{"mean": ..., "std": ...}`; `scale` is another name for `std`.
  package init(json: Data, width: Int) throws(Failure) {
    let object: Any
    do {
      object = try JSONSerialization.jsonObject(with: json)
    } catch {
      throw .notJSON("\(error.localizedDescription)")
    }
    guard let fields = object as? [String: Any] else { throw .notJSON("no object") }
    func values(_ key: String) -> Factor? {
      if let number = fields[key] as? NSNumber { return .all(number.floatValue) }
      return (fields[key] as? [NSNumber]).map { .each($0.map(\.floatValue)) }
    }
    guard let mean = values("mean") else { throw .missing(key: "mean") }
    guard let scale = values("std") ?? values("scale") else { throw .missing(key: "std") }
    try self.init(mean: mean, scale: scale, width: width)
  }

  /// Undoes it, for rows of what was scaled: x * scale + mean, rounded once.
  package func undo(on values: inout [Float]) {
    let width = mean.count
    for index in values.indices {
      values[index] = mean[index % width].addingProduct(values[index], scale[index % width])
    }
  }

  /// Scales rows in place.
  package func apply(to values: inout [Float]) {
    let width = mean.count
    for index in values.indices {
      values[index] = (values[index] - mean[index % width]) / scale[index % width]
    }
  }
}
