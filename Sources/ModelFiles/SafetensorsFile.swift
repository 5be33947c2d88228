/// A `.safetensors` file in memory: named tensors behind a JSON header.
///
/// Eight bytes give the length of the header, a JSON object of `"name": {"dtype", "shape",
/// "data_offsets"}`; the rest of the file is the data. Everything is checked before memory is taken
/// for a tensor: every byte of the data belongs to exactly one tensor, of just the size that its
/// type and shape ask for. Source: the format's description in the `safetensors` repository.
struct SafetensorsFile: Sendable {
  /// Why a file cannot be read; `tensor` is its name in the header.
  enum Failure: Error, Equatable {
    case notSafetensors(reason: String)
    case badTensor(tensor: String, reason: String)
  }

  /// Where a tensor stands.
  private struct Entry {
    var type: ElementType
    var shape: [Int]
    var bytes: Range<Int>
  }

  /// The number formats of the header; `unreadable` ones are only measured.
  private enum ElementType: Equatable {
    case f64
    case f32
    case f16
    case bf16
    case unreadable(name: String, byteCount: Int)

    init?(_ name: String) {
      switch name {
      case "F64": self = .f64
      case "F32": self = .f32
      case "F16": self = .f16
      case "BF16": self = .bf16
      case "I64", "U64", "C64": self = .unreadable(name: name, byteCount: 8)
      case "I32", "U32": self = .unreadable(name: name, byteCount: 4)
      case "I16", "U16": self = .unreadable(name: name, byteCount: 2)
      case "I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0":
        self = .unreadable(name: name, byteCount: 1)
      default: return nil
      }
    }

    var byteCount: Int {
      switch self {
      case .f64: 8
      case .f32: 4
      case .f16, .bf16: 2
      case .unreadable(_, let byteCount): byteCount
      }
    }
  }

  /// What the reference implementation allows.
  private static let headerBytesMax = 100_000_000
  private static let rankMax = 8
  /// A model has no more tensors, and a header of so many is a trap.
  private static let tensorCountMax = 100_000

  private let source: FileBytes
  private let entries: [String: Entry]

  /// The header's bytes, and where the data behind it begins.
  let header: [UInt8]
  let dataOffset: Int
  /// The texts that the writer put beside the tensors.
  let metadata: [String: String]

  /// The names of all tensors, sorted.
  let names: [String]

  /// Whether the first bytes are those of such a file.
  static func recognizes(_ bytes: [UInt8]) -> Bool {
    guard bytes.count > 8, bytes[8] == UInt8(ascii: "{") else { return false }
    return headerLength(bytes).map { $0 <= headerBytesMax } ?? false
  }

  /// Reads and checks the header.
  init(_ source: FileBytes) throws(Failure) {
    self.source = source
    guard source.count >= 8, let prefix = source.bytes(0..<8),
      let length = Self.headerLength(prefix)
    else {
      throw .notSafetensors(reason: "has \(source.count) bytes, expected a header")
    }
    guard length <= Self.headerBytesMax, length <= source.count - 8 else {
      throw .notSafetensors(
        reason: "its header claims \(length) bytes, the file has \(source.count - 8) behind it")
    }
    guard let text = source.bytes(8..<8 + length), let header = JSONValue(text: text)?.object else {
      throw .notSafetensors(reason: "its header is not a JSON object")
    }
    guard header.count <= Self.tensorCountMax else {
      throw .notSafetensors(
        reason: "has \(header.count) tensors, expected at most \(Self.tensorCountMax)")
    }
    let start = 8 + length
    var entries: [String: Entry] = [:]
    for (name, value) in header.sorted(by: { $0.key < $1.key }) where name != "__metadata__" {
      do {
        entries[name] = try Self.entry(value, data: start..<source.count)
      } catch {
        throw .badTensor(tensor: name, reason: error.reason)
      }
    }
    try Self.checkCover(entries, data: start..<source.count)
    self.entries = entries
    self.header = text
    dataOffset = start
    metadata = (header["__metadata__"]?.object ?? [:]).compactMapValues(\.string)
    names = entries.keys.sorted()
  }

  /// A file in memory.
  init(_ bytes: [UInt8]) throws(Failure) { try self.init(.memory(bytes)) }

  private static func headerLength(_ bytes: [UInt8]) -> Int? {
    guard bytes.count >= 8 else { return nil }
    let length = bytes[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return Int(clamping: length)
  }

  // MARK: The header

  private struct BadEntry: Error {
    var reason: String
  }

  private static func entry(_ value: JSONValue, data: Range<Int>) throws(BadEntry) -> Entry {
    guard let typeName = value["dtype"]?.string else {
      throw BadEntry(reason: "has no dtype, expected \"F32\"")
    }
    guard let type = ElementType(typeName) else {
      throw BadEntry(
        reason: "has the unknown dtype \"\(typeName)\", expected F32, F64, F16 or BF16")
    }
    guard let sizes = value["shape"]?.array, sizes.count <= rankMax else {
      throw BadEntry(reason: "has no shape of at most \(rankMax) sizes")
    }
    let shape = sizes.compactMap(\.int)
    guard shape.count == sizes.count, shape.allSatisfy({ $0 >= 0 }) else {
      throw BadEntry(reason: "has the shape \(JSONValue.array(sizes).shortText), expected sizes")
    }
    let offsets = (value["data_offsets"]?.array ?? []).compactMap(\.int)
    guard offsets.count == 2, offsets[0] >= 0, offsets[0] <= offsets[1],
      offsets[1] <= data.count
    else {
      throw BadEntry(
        reason: "has the data offsets \(offsets), expected a range within the \(data.count) bytes "
          + "of data")
    }
    let byteCount = offsets[1] - offsets[0]
    guard byteCount == expectedByteCount(shape, type) else {
      throw BadEntry(reason: "has \(byteCount) bytes for \(typeName) of shape \(shape)")
    }
    let start = data.lowerBound + offsets[0]
    return Entry(type: type, shape: shape, bytes: start..<start + byteCount)
  }

  /// Nil if the product is no `Int`.
  private static func expectedByteCount(_ shape: [Int], _ type: ElementType) -> Int? {
    var count = type.byteCount
    for size in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      if overflow { return nil }
      count = product
    }
    return count
  }

  /// Checks that the tensors follow each other without overlap or hole, to the end of the file.
  private static func checkCover(
    _ entries: [String: Entry], data: Range<Int>
  ) throws(Failure) {
    var end = data.lowerBound
    let ordered = entries.sorted { a, b in
      (a.value.bytes.lowerBound, a.value.bytes.upperBound, a.key)
        < (b.value.bytes.lowerBound, b.value.bytes.upperBound, b.key)
    }
    for (name, entry) in ordered {
      guard entry.bytes.lowerBound == end else {
        let fault =
          entry.bytes.lowerBound < end ? "overlaps another tensor" : "leaves a hole before it"
        throw .badTensor(
          tensor: name, reason: "\(fault): it starts at \(entry.bytes.lowerBound), expected \(end)")
      }
      end = entry.bytes.upperBound
    }
    guard end == data.upperBound else {
      throw .notSafetensors(
        reason: "has \(data.upperBound - end) bytes that belong to no tensor")
    }
  }

  // MARK: Tensors

  /// The shape of a tensor; nil if there is none of that name.
  func shape(of name: String) -> [Int]? { entries[name]?.shape }

  /// A tensor as 32-bit floats; nil if there is none of that name.
  ///
  /// - Throws: `Failure.badTensor` for numbers that are not floats, or not finite as such.
  func tensor(_ name: String) throws(Failure) -> Tensor? {
    guard let entry = entries[name] else { return nil }
    if case .unreadable(let typeName, _) = entry.type {
      throw .badTensor(
        tensor: name, reason: "holds \(typeName), expected F32, F64, F16 or BF16")
    }
    guard let values = floats(entry) else {
      throw .badTensor(tensor: name, reason: "cannot be read")
    }
    if let fault = values.firstIndex(where: { !$0.isFinite }) {
      throw .badTensor(
        tensor: name,
        reason: "holds \(values[fault]) at position \(fault), expected finite numbers of 32 bits")
    }
    return Tensor(name: name, shape: entry.shape, values: values)
  }

  /// Where a tensor of 32-bit floats stands in the file; nil for others.
  func place(of name: String) -> (shape: [Int], offset: Int)? {
    guard let entry = entries[name], entry.type == .f32 else { return nil }
    return (entry.shape, entry.bytes.lowerBound)
  }

  /// Fills `values` with floats from the byte `offset` on; false when they cannot be read.
  func read(at offset: Int, into values: UnsafeMutableBufferPointer<Float>) -> Bool {
    source.read(at: offset, into: UnsafeMutableRawBufferPointer(values))
  }

  /// Nil when the file cannot be read.
  private func floats(_ entry: Entry) -> [Float]? {
    guard entry.type == .f32 else {
      return source.bytes(entry.bytes)?.withUnsafeBytes { Self.floats($0, entry.type) }
    }
    // Into place: a large file is not held in memory twice.
    var isRead = false
    let values = [Float](unsafeUninitializedCapacity: entry.bytes.count / 4) { buffer, count in
      isRead = source.read(
        at: entry.bytes.lowerBound, into: UnsafeMutableRawBufferPointer(buffer))
      count = isRead ? entry.bytes.count / 4 : 0
    }
    return isRead ? values : nil
  }

  private static func floats(_ raw: UnsafeRawBufferPointer, _ type: ElementType) -> [Float] {
    let size = type.byteCount
    return (0..<raw.count / size).map { index in
      let offset = index * size
      switch type {
      case .f64:
        return Float(
          Double(
            bitPattern: UInt64(
              littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))))
      case .bf16:
        let half = UInt16(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
        return Float(bitPattern: UInt32(half) << 16)
      case .f16:
        return HalfPrecision.float(
          UInt16(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt16.self)))
      case .f32, .unreadable: return .nan
      }
    }
  }
}

extension SafetensorsFile.Failure: CustomStringConvertible {
  var description: String {
    switch self {
    case .notSafetensors(let reason):
      "is no whole safetensors file: \(reason); copy or save the model again"
    case .badTensor(let tensor, let reason):
      "tensor \(tensor) \(reason); save the model again"
    }
  }
}
