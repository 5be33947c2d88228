/// Texts of variable length, read from the bytes of an HDF5 file.
///
/// An attribute of such texts holds descriptors, each with a length, the address of a global heap
/// and the index of an object in it. libhdf5 1.10 uses all three without a check: one damaged byte
/// makes it read outside its memory, or never end. Here every step is checked against the file.
///
/// Source: HDF5 File Format Specification 3.0, III.E, IV.A.1, IV.A.2.m.
struct HDF5VariableText {
  /// What is wrong with the bytes.
  enum Failure: Error, CustomStringConvertible {
    case outOfBounds
    case unknown(String)
    case missing

    var description: String {
      switch self {
      case .outOfBounds: "its bytes lie outside the file"
      case .unknown(let what): "\(what) is not known"
      case .missing: "its object header does not hold it"
      }
    }
  }

  private let bytes: [UInt8]

  /// Attributes, and the objects of a heap, are looked through no further than this.
  private static let walkMax = 100_000
  private static let attributeType = 0x0c
  private static let continuationType = 0x10
  /// A length (4 bytes), an address (8) and an index (4).
  private static let descriptorSize = 16

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The texts of an attribute of the object whose header starts at `header`.
  func strings(
    ofAttribute name: String, header: Int, count: Int
  ) throws(Failure) -> [String] {
    let data = try attribute(name, header: header)
    guard data.count >= count * Self.descriptorSize else { throw .outOfBounds }
    var strings: [String] = []
    for index in 0..<count {
      let start = data.lowerBound + index * Self.descriptorSize
      let length = try number(at: start, size: 4)
      let heap = try number(at: start + 4, size: 8)
      let object = try number(at: start + 12, size: 4)
      // An empty text has no object.
      let range = length == 0 ? 0..<0 : try heapObject(object, heap: heap, length: length)
      strings.append(String(decoding: bytes[range].prefix { $0 != 0 }, as: UTF8.self))
    }
    return strings
  }

  /// A little-endian number that is not negative.
  private func number(at offset: Int, size: Int) throws(Failure) -> Int {
    guard offset >= 0, offset <= bytes.count - size else { throw .outOfBounds }
    var value: UInt64 = 0
    for index in (0..<size).reversed() { value = value << 8 | UInt64(bytes[offset + index]) }
    guard let number = Int(exactly: value) else { throw .outOfBounds }
    return number
  }

  private func range(_ start: Int, count: Int) throws(Failure) -> Range<Int> {
    guard start >= 0, count >= 0, start <= bytes.count, count <= bytes.count - start else {
      throw .outOfBounds
    }
    return start..<start + count
  }

  // MARK: Object header

  private func hasSignature(_ text: String, at offset: Int) -> Bool {
    offset >= 0 && offset < bytes.count && bytes[offset...].starts(with: text.utf8)
  }

  /// The data of an attribute, found in the messages of an object header.
  private func attribute(_ name: String, header: Int) throws(Failure) -> Range<Int> {
    let isSecond = hasSignature("OHDR", at: header)
    var flags = 0
    var blocks: [Range<Int>]
    if isSecond {
      flags = try number(at: header + 5, size: 1)
      // Times, then how many attributes stay in the header.
      let start = header + 6 + (flags & 0x20 != 0 ? 16 : 0) + (flags & 0x10 != 0 ? 4 : 0)
      let width = 1 << (flags & 3)
      blocks = [try range(start + width, count: try number(at: start, size: width))]
    } else {
      guard try number(at: header, size: 1) == 1 else { throw .unknown("its object header") }
      blocks = [try range(header + 16, count: try number(at: header + 8, size: 4))]
    }
    let prefix = isSecond ? (flags & 0x04 != 0 ? 6 : 4) : 8
    var walked = 0
    while let block = blocks.popLast() {
      var offset = block.lowerBound
      while offset + prefix <= block.upperBound {
        walked += 1
        guard walked <= Self.walkMax else { throw .unknown("its object header") }
        let kind = try number(at: offset, size: isSecond ? 1 : 2)
        let size = try number(at: offset + (isSecond ? 1 : 2), size: 2)
        let message = try range(offset + prefix, count: size)
        offset = message.upperBound
        if kind == Self.continuationType {
          blocks.append(try continuation(message, isSecond: isSecond))
        } else if kind == Self.attributeType, let data = try data(ofAttribute: name, message) {
          return data
        }
      }
    }
    throw .missing
  }

  /// The messages of a header's next block.
  private func continuation(_ message: Range<Int>, isSecond: Bool) throws(Failure) -> Range<Int> {
    let start = try number(at: message.lowerBound, size: 8)
    let block = try range(start, count: try number(at: message.lowerBound + 8, size: 8))
    guard isSecond else { return block }
    // A signature before, a checksum behind.
    guard hasSignature("OCHK", at: start), block.count >= 8 else {
      throw .unknown("its object header")
    }
    return block.lowerBound + 4..<block.upperBound - 4
  }

  /// The data of an attribute message; nil if it is of another name.
  private func data(ofAttribute name: String, _ message: Range<Int>) throws(Failure) -> Range<Int>?
  {
    let start = message.lowerBound
    let version = try number(at: start, size: 1)
    guard (1...3).contains(version) else { throw .unknown("its form") }
    let isShared = version > 1 ? try number(at: start + 1, size: 1) : 0
    let nameSize = try number(at: start + 2, size: 2)
    let sizes = [nameSize, try number(at: start + 4, size: 2), try number(at: start + 6, size: 2)]
    let nameStart = start + (version == 3 ? 9 : 8)
    let found = bytes[try range(nameStart, count: nameSize)].prefix { $0 != 0 }
    guard found.elementsEqual(name.utf8) else { return nil }
    guard isShared == 0 else { throw .unknown("its shared type") }
    // Name, type and space come before the data; the first version pads each to eight bytes.
    let skipped = sizes.reduce(0) { $0 + (version == 1 ? ($1 + 7) / 8 * 8 : $1) }
    let dataStart = nameStart + skipped
    return try range(dataStart, count: message.upperBound - dataStart)
  }

  // MARK: Global heap

  /// The first `length` bytes of an object of a global heap.
  private func heapObject(
    _ wanted: Int, heap: Int, length: Int
  ) throws(Failure) -> Range<Int> {
    guard hasSignature("GCOL", at: heap) else { throw .unknown("its heap") }
    let collection = try range(heap, count: try number(at: heap + 8, size: 8))
    var offset = heap + 16
    for _ in 0..<Self.walkMax where offset <= collection.upperBound - 16 {
      let index = try number(at: offset, size: 2)
      let size = try number(at: offset + 8, size: 8)
      // Object 0 is the free space at the end.
      guard index != 0 else { break }
      let data = try range(offset + 16, count: size)
      guard data.upperBound <= collection.upperBound else { throw .outOfBounds }
      if index == wanted {
        guard length <= size else { throw .outOfBounds }
        return try range(data.lowerBound, count: length)
      }
      offset = data.lowerBound + (size + 7) / 8 * 8
    }
    throw .unknown("object \(wanted) of its heap")
  }
}
