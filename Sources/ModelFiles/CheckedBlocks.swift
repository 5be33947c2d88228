import Recurrence

/// A tensor of a `.millrace` file as blocks of whole rows, each with a checksum of its own: threads
/// can read and check them at once, and each is checked while it is in cache.
///
/// A block has as many rows as fit `floatsPerBlock`, at least one; a vector has rows of one value.
struct CheckedBlocks: WeightSource {
  static let floatsPerBlock = 1 << 17

  let shape: [Int]
  private let file: SafetensorsFile
  private let offset: Int
  private let columns: Int
  private let sums: [UInt64]

  /// Nil if there is no such tensor, or one of other sums.
  init?(_ file: SafetensorsFile, tensor: String, sums text: String) {
    guard let place = file.place(of: tensor), let sums = Self.sums(text) else { return nil }
    self.file = file
    self.sums = sums
    shape = place.shape
    offset = place.offset
    columns = Self.columns(shape)
    guard sums.count == Self.blockCount(shape) else { return nil }
  }

  var rowsPerBlock: Int { Self.rowsPerBlock(columns) }

  func read(
    block: Int, into rows: UnsafeMutableBufferPointer<Float>
  ) throws(WeightSourceError) {
    let start = offset + block * rowsPerBlock * columns * MemoryLayout<Float>.size
    guard file.read(at: start, into: rows) else {
      throw WeightSourceError(reason: "cannot be read; the file became shorter")
    }
    guard Checksum.sum(of: UnsafeRawBufferPointer(rows)) == sums[block] else {
      throw WeightSourceError(reason: "is damaged; convert the model again")
    }
  }

  /// All its values.
  func values() throws(WeightSourceError) -> [Float] {
    var failure: WeightSourceError?
    let count = shape.reduce(1, *)
    let values = [Float](unsafeUninitializedCapacity: count) { buffer, filled in
      let size = rowsPerBlock * columns
      for block in sums.indices {
        let range = block * size..<min((block + 1) * size, count)
        do throws(WeightSourceError) {
          try read(block: block, into: UnsafeMutableBufferPointer(rebasing: buffer[range]))
        } catch {
          failure = error
          return
        }
      }
      filled = count
    }
    if let failure { throw failure }
    return values
  }

  // MARK: Sums

  /// What stands for a tensor among the checksums: 16 hexadecimal digits for each block.
  static func text(of tensor: Tensor) -> String {
    let columns = columns(tensor.shape)
    let size = rowsPerBlock(columns) * columns * MemoryLayout<Float>.size
    return tensor.values.withUnsafeBytes { bytes in
      stride(from: 0, to: bytes.count, by: max(1, size)).map { start in
        Checksum.text(of: .init(rebasing: bytes[start..<min(start + size, bytes.count)]))
      }.joined()
    }
  }

  private static func sums(_ text: String) -> [UInt64]? {
    let digits = Array(text.utf8)
    guard digits.count.isMultiple(of: 16) else { return nil }
    var sums: [UInt64] = []
    for start in stride(from: 0, to: digits.count, by: 16) {
      guard let sum = UInt64(String(decoding: digits[start..<start + 16], as: UTF8.self), radix: 16)
      else { return nil }
      sums.append(sum)
    }
    return sums
  }

  private static func columns(_ shape: [Int]) -> Int {
    shape.count > 1 ? shape[shape.count - 1] : 1
  }

  private static func rowsPerBlock(_ columns: Int) -> Int {
    max(1, floatsPerBlock / max(1, columns))
  }

  private static func blockCount(_ shape: [Int]) -> Int {
    let count = shape.reduce(1, *)
    let size = rowsPerBlock(columns(shape)) * columns(shape)
    return size == 0 ? 0 : (count + size - 1) / size
  }
}
