import CHDF5
import Synchronization

/// An HDF5 file in memory, read through libhdf5.
///
/// Debian's libhdf5 is not thread-safe, so every use of a file is one call of `withFile`, and these
/// exclude each other. Only what the file itself holds is read: links to other places, external and
/// virtual datasets are refused, because a model file could name any other file with them.
struct HDF5File: ~Copyable {
  /// A tensor larger than this is refused before memory is taken for it.
  static let tensorBytesMax = 4 << 30

  /// No Keras file has groups within so many others.
  private static let depthMax = 64

  /// Deflate cannot do better than 1,032 to 1.
  private static let compressionMax = 1100

  private static let library = Mutex(())

  let id: hid_t
  /// The whole file.
  let bytes: [UInt8]
  private let taken = TakenRanges()

  /// Opens `bytes` as a file, calls `body`, and closes it; throws `HDF5Error` or what `body` throws.
  static func withFile<Result>(
    _ bytes: [UInt8], _ body: (borrowing HDF5File) throws -> sending Result
  ) throws -> Result {
    // The library reads from the array's own memory.
    try bytes.withUnsafeBytes { image in
      try library.withLock { _ in
        chdf5_quiet()
        let file = try HDF5File(bytes, image)
        return try body(file)
      }
    }
  }

  private init(_ bytes: [UInt8], _ image: UnsafeRawBufferPointer) throws(HDF5Error) {
    self.bytes = bytes
    var reason = [CChar](repeating: 0, count: 256)
    let id = chdf5_open_bytes(
      UnsafeMutableRawPointer(mutating: image.baseAddress), image.count, &reason, reason.count)
    guard id >= 0 else { throw .notHDF5(reason: HDF5File.text(reason[...])) }
    self.id = id
  }

  deinit { H5Fclose(id) }

  /// The library's words for its latest error.
  static func reason() -> String {
    var text = [CChar](repeating: 0, count: 256)
    chdf5_reason(&text, text.count)
    let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return bytes.isEmpty ? "no reason given" : String(decoding: bytes, as: UTF8.self)
  }

  // MARK: Objects

  /// Whether there is such an object, reached by hard links alone.
  func exists(_ path: String) throws(HDF5Error) -> Bool {
    var prefix = ""
    // Each link is asked for by its whole path: a path of thousands would take minutes.
    guard path.utf8.count < 4096, path.split(separator: "/").count <= HDF5File.depthMax else {
      throw .unreadable(object: String(path.prefix(80)), reason: "it lies too deep")
    }
    for name in path.split(separator: "/") {
      prefix += prefix.isEmpty ? String(name) : "/" + name
      guard H5Lexists(id, prefix, chdf5_default()) > 0 else { return false }
      switch chdf5_is_hard_link(id, prefix) {
      case 1: continue
      case 0: throw .link(object: prefix)
      default: throw .unreadable(object: prefix, reason: HDF5File.reason())
      }
    }
    return true
  }

  private func require(_ path: String) throws(HDF5Error) {
    guard try exists(path) else { throw .missing(object: path) }
  }

  /// Names of a group's members, in order of names; groups of 10,000 members are refused.
  func members(of path: String) throws(HDF5Error) -> [String] {
    try require(path)
    let group = H5Gopen2(id, path, chdf5_default())
    guard group >= 0 else { throw .unreadable(object: path, reason: HDF5File.reason()) }
    defer { H5Gclose(group) }
    var information = H5G_info_t()
    guard H5Gget_info(group, &information) >= 0, information.nlinks < 10_000 else {
      throw .unreadable(object: path, reason: HDF5File.reason())
    }
    var names: [String] = []
    for index in 0..<information.nlinks {
      let length = H5Lget_name_by_idx(
        group, ".", H5_INDEX_NAME, H5_ITER_INC, index, nil, 0, chdf5_default())
      guard length > 0, length < 4096 else {
        throw .unreadable(object: path, reason: HDF5File.reason())
      }
      var name = [CChar](repeating: 0, count: length + 1)
      guard
        H5Lget_name_by_idx(
          group, ".", H5_INDEX_NAME, H5_ITER_INC, index, &name, length + 1, chdf5_default()) > 0
      else { throw .unreadable(object: path, reason: HDF5File.reason()) }
      names.append(HDF5File.text(name[...]))
    }
    return names
  }

  // MARK: Datasets

  /// Reads a dataset of numbers of any width, as 32-bit floats; `name` is the tensor's own.
  func tensor(_ path: String, name: String) throws(HDF5Error) -> Tensor {
    try require(path)
    let dataset = H5Dopen2(id, path, chdf5_default())
    guard dataset >= 0 else { throw .unreadable(object: path, reason: HDF5File.reason()) }
    defer { H5Dclose(dataset) }
    let elementSize = try elementSize(of: dataset, path)
    let shape = try shape(of: dataset, path)
    let count = try count(of: shape, path)
    try checkStorage(of: dataset, byteCount: count * elementSize, shape, path)
    var values = [Float](repeating: 0, count: count)
    guard
      count == 0
        || H5Dread(
          dataset, chdf5_native_float(), chdf5_all(), chdf5_all(), chdf5_default(), &values) >= 0
    else { throw .unreadable(object: path, reason: HDF5File.reason()) }
    return Tensor(name: name, shape: shape, values: values)
  }

  /// Bytes of one number in the file.
  private func elementSize(of dataset: hid_t, _ path: String) throws(HDF5Error) -> Int {
    let type = H5Dget_type(dataset)
    guard type >= 0 else { throw .unreadable(object: path, reason: HDF5File.reason()) }
    defer { H5Tclose(type) }
    let kind = H5Tget_class(type)
    let size = H5Tget_size(type)
    guard kind == H5T_FLOAT || kind == H5T_INTEGER else { throw .notNumbers(object: path) }
    guard chdf5_is_usual_number(type) > 0 else {
      throw .unreadable(object: path, reason: "its numbers are of no usual form")
    }
    return size
  }

  private func shape(of dataset: hid_t, _ path: String) throws(HDF5Error) -> [Int] {
    let space = H5Dget_space(dataset)
    guard space >= 0 else { throw .unreadable(object: path, reason: HDF5File.reason()) }
    defer { H5Sclose(space) }
    let rank = H5Sget_simple_extent_ndims(space)
    guard H5Sis_simple(space) > 0, (0...8).contains(rank) else {
      throw .unreadable(object: path, reason: "\(rank) dimensions")
    }
    var sizes = [hsize_t](repeating: 0, count: Int(rank))
    guard rank == 0 || H5Sget_simple_extent_dims(space, &sizes, nil) >= 0 else {
      throw .unreadable(object: path, reason: HDF5File.reason())
    }
    return sizes.map { Int(clamping: $0) }
  }

  /// The product of the sizes, if so many floats may be read.
  private func count(of shape: [Int], _ path: String) throws(HDF5Error) -> Int {
    if shape.contains(0) { return 0 }
    var count = 1
    for size in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard !overflow, product <= HDF5File.tensorBytesMax / MemoryLayout<Float>.size else {
        throw .tooLarge(object: path, shape: shape)
      }
      count = product
    }
    return count
  }

  /// Refuses what is stored elsewhere, and sizes that the file cannot hold.
  private func checkStorage(
    of dataset: hid_t, byteCount needed: Int, _ shape: [Int], _ path: String
  ) throws(HDF5Error) {
    let properties = H5Dget_create_plist(dataset)
    guard properties >= 0 else { throw .unreadable(object: path, reason: HDF5File.reason()) }
    defer { H5Pclose(properties) }
    guard H5Pget_external_count(properties) == 0 else { throw .link(object: path) }
    let stored = Int(clamping: H5Dget_storage_size(dataset))
    guard stored <= bytes.count else { throw .tooLarge(object: path, shape: shape) }
    switch H5Pget_layout(properties) {
    case H5D_COMPACT, H5D_CONTIGUOUS:
      guard needed <= stored else { throw .tooLarge(object: path, shape: shape) }
      // A damaged address leads to bytes that are something else.
      let start = Int(chdf5_offset(dataset))
      if start >= 0, let other = taken.take(start..<start + stored, path) {
        throw .unreadable(object: path, reason: "it shares bytes with \(other)")
      }
    case H5D_CHUNKED:
      guard needed / HDF5File.compressionMax <= stored else {
        throw .tooLarge(object: path, shape: shape)
      }
      var chunk = [hsize_t](repeating: 0, count: 32)
      let rank = H5Pget_chunk(properties, Int32(chunk.count), &chunk)
      let chunkShape = chunk.prefix(Int(max(0, rank))).map { Int(clamping: $0) }
      _ = try count(of: chunkShape, path)
    default: throw .link(object: path)
    }
  }

  // MARK: Text

  /// The characters before the first zero; bytes that are no UTF-8 become U+FFFD.
  static func text(_ characters: ArraySlice<CChar>) -> String {
    let bytes = characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return String(decoding: bytes, as: UTF8.self)
  }
}
