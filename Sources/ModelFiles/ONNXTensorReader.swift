import Foundation
import ONNXProto

/// Turns a graph's stored tensors into constants; sizes are checked before memory is taken.
struct ONNXTensorReader {
  let path: String

  private typealias DataType = Onnx_TensorProto.DataType

  func constant(_ tensor: Onnx_TensorProto, name: String) throws(ModelFileError) -> ONNXConstant {
    func bad(_ reason: String) -> ModelFileError {
      .unreadable(path: path, reason: "tensor \(name) \(reason)")
    }
    guard tensor.dataLocation != .external, tensor.externalData.isEmpty else {
      throw bad(
        "is in another file, which is not read; save the model as one file (external_data=False)")
    }
    guard !tensor.hasSegment else { throw bad("is a segment, expected the whole tensor") }
    let sizes = tensor.dims.map { Int($0) }
    guard sizes.count <= 8, sizes.allSatisfy({ $0 >= 0 }), let count = ONNXConstant.count(of: sizes)
    else { throw bad("has the shape \(sizes), which is more than a model can hold") }
    let shape = sizes.map { ONNXDimension.known($0) }
    switch DataType(rawValue: Int(tensor.dataType)) {
    case .float, .double, .float16, .bfloat16:
      let values = floats(tensor, count)
      guard values.count == count else {
        throw bad("has \(values.count) values, expected \(count) for the shape \(sizes)")
      }
      if let fault = values.firstIndex(where: { !$0.isFinite }) {
        throw bad("holds \(values[fault]) at position \(fault), expected finite numbers of 32 bits")
      }
      return ONNXConstant(shape: shape, .floats(values))
    case .int64, .int32, .bool:
      let values = integers(tensor, count)
      guard values.count == count else {
        throw bad("has \(values.count) values, expected \(count) for the shape \(sizes)")
      }
      return ONNXConstant(shape: shape, .integers(values.map { .known($0) }))
    default:
      throw bad(
        "has data type \(tensor.dataType), expected floats of 16 to 64 bits, int32, int64 or bool")
    }
  }

  /// The values of whichever field holds them; another number than `count` is refused by the caller.
  private func floats(_ tensor: Onnx_TensorProto, _ count: Int) -> [Float] {
    let raw = [UInt8](tensor.rawData)
    switch DataType(rawValue: Int(tensor.dataType)) {
    case .float:
      return raw.isEmpty
        ? tensor.floatData : Self.words(raw, UInt32.self).map { Float(bitPattern: $0) }
    case .double:
      return raw.isEmpty
        ? tensor.doubleData.map { Float($0) }
        : Self.words(raw, UInt64.self).map { Float(Double(bitPattern: $0)) }
    case .float16: return halves(tensor, raw).map { HalfPrecision.float($0) }
    default: return halves(tensor, raw).map { Float(bitPattern: UInt32($0) << 16) }
    }
  }

  private func halves(_ tensor: Onnx_TensorProto, _ raw: [UInt8]) -> [UInt16] {
    raw.isEmpty
      ? tensor.int32Data.map { UInt16(truncatingIfNeeded: $0) } : Self.words(raw, UInt16.self)
  }

  private func integers(_ tensor: Onnx_TensorProto, _ count: Int) -> [Int] {
    let raw = [UInt8](tensor.rawData)
    switch DataType(rawValue: Int(tensor.dataType)) {
    case .int64:
      return raw.isEmpty
        ? tensor.int64Data.map { Int($0) }
        : Self.words(raw, UInt64.self).map { Int(Int64(bitPattern: $0)) }
    case .int32:
      return raw.isEmpty
        ? tensor.int32Data.map { Int($0) }
        : Self.words(raw, UInt32.self).map { Int(Int32(bitPattern: $0)) }
    default: return raw.isEmpty ? tensor.int32Data.map { Int($0) } : raw.map { Int($0) }
    }
  }

  /// Little-endian words; bytes that fill none are left, so that the count is wrong.
  private static func words<Word: FixedWidthInteger>(_ raw: [UInt8], _ type: Word.Type) -> [Word] {
    let size = MemoryLayout<Word>.size
    guard raw.count.isMultiple(of: size) else { return [] }
    return raw.withUnsafeBytes { bytes in
      (0..<raw.count / size).map {
        Word(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * size, as: Word.self))
      }
    }
  }
}
