import CHDF5
import Synchronization

/// An HDF5 file, read through libhdf5 from memory.
///
/// Debian's libhdf5 is not thread-safe, so every use of a file is one call of `withFile`, and these
/// exclude each other.
struct HDF5File: ~Copyable {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// A tensor as it stands in the file, converted to 32-bit floats.
  struct Tensor {
    var shape: [Int]
    var values: [Float]
  }

  /// A tensor larger than this is refused before memory is taken for it.
  private static let tensorBytesMax = 4 << 30
  private static let library = Mutex(())

  private let id: hid_t

  /// Opens `bytes` as a file, calls `body`, and closes it.
  static func withFile<Result>(
    _ bytes: [UInt8], _ body: (borrowing HDF5File) throws -> sending Result
  ) throws -> Result {
    try library.withLock { _ in
      // Its own error printing goes to stderr.
      H5Eset_auto2(chdf5_error_stack(), nil, nil)
      let file = try HDF5File(bytes)
      return try body(file)
    }
  }

  private init(_ bytes: [UInt8]) throws {
    let access = H5Pcreate(chdf5_file_access())
    defer { H5Pclose(access) }
    H5Pset_fapl_core(access, 1 << 20, false)
    var image = bytes
    let status = image.withUnsafeMutableBytes {
      H5Pset_file_image(access, $0.baseAddress, $0.count)
    }
    guard status >= 0 else { throw Failure(description: "no memory for the file's image") }
    let id = H5Fopen("image", chdf5_read_only(), access)
    guard id >= 0 else {
      throw Failure(description: "is not an HDF5 file, or is cut off; save the model again")
    }
    self.id = id
  }

  deinit {
    // What a broken file left open goes with it.
    H5Fclose(id)
  }

  // MARK: Objects

  func exists(_ path: String) -> Bool {
    var prefix = ""
    for name in path.split(separator: "/") {
      prefix += prefix.isEmpty ? String(name) : "/" + name
      guard H5Lexists(id, prefix, chdf5_default()) > 0 else { return false }
    }
    return true
  }

  /// Names of a group's members, in the file's order of names.
  func members(of path: String) throws -> [String] {
    let group = H5Gopen2(id, path, chdf5_default())
    guard group >= 0 else { throw Failure(description: "has no group \(path)") }
    defer { H5Gclose(group) }
    var info = H5G_info_t()
    guard H5Gget_info(group, &info) >= 0 else {
      throw Failure(description: "group \(path) cannot be read")
    }
    return try (0..<info.nlinks).map { index in
      let length = H5Lget_name_by_idx(
        group, ".", H5_INDEX_NAME, H5_ITER_INC, index, nil, 0, chdf5_default())
      guard length > 0, length < 4096 else {
        throw Failure(description: "group \(path) cannot be read")
      }
      var name = [CChar](repeating: 0, count: length + 1)
      H5Lget_name_by_idx(
        group, ".", H5_INDEX_NAME, H5_ITER_INC, index, &name, length + 1, chdf5_default())
      return text(name, length)
    }
  }

  func isGroup(_ path: String) -> Bool {
    let group = H5Gopen2(id, path, chdf5_default())
    guard group >= 0 else { return false }
    H5Gclose(group)
    return true
  }

  /// Reads a dataset of numbers.
  func tensor(_ path: String) throws -> Tensor {
    let dataset = H5Dopen2(id, path, chdf5_default())
    guard dataset >= 0 else { throw Failure(description: "has no dataset \(path)") }
    defer { H5Dclose(dataset) }
    let type = H5Dget_type(dataset)
    defer { H5Tclose(type) }
    let kind = H5Tget_class(type)
    guard kind == H5T_FLOAT || kind == H5T_INTEGER else {
      throw Failure(description: "dataset \(path) does not hold numbers")
    }
    let space = H5Dget_space(dataset)
    defer { H5Sclose(space) }
    let shape = try shape(of: space, path)
    var count = 1
    for size in shape {
      let product = count.multipliedReportingOverflow(by: size)
      guard !product.overflow, product.partialValue <= HDF5File.tensorBytesMax / 4 else {
        throw Failure(description: "dataset \(path) has shape \(shape), which is too large")
      }
      count = product.partialValue
    }
    // A dataset cannot hold more than its file stores, unless it is compressed or filled.
    guard count <= 1 << 20 || H5Dget_storage_size(dataset) > 0 else {
      throw Failure(description: "dataset \(path) of shape \(shape) is empty in the file")
    }
    var values = [Float](repeating: 0, count: count)
    guard
      count == 0
        || H5Dread(
          dataset, chdf5_native_float(), chdf5_all(), chdf5_all(), chdf5_default(), &values) >= 0
    else { throw Failure(description: "dataset \(path) cannot be read; the file is damaged") }
    return Tensor(shape: shape, values: values)
  }

  private func shape(of space: hid_t, _ path: String) throws -> [Int] {
    let rank = H5Sget_simple_extent_ndims(space)
    guard (0...8).contains(rank) else {
      throw Failure(description: "dataset \(path) has \(rank) dimensions")
    }
    var sizes = [hsize_t](repeating: 0, count: Int(rank))
    guard rank == 0 || H5Sget_simple_extent_dims(space, &sizes, nil) >= 0 else {
      throw Failure(description: "dataset \(path) cannot be read")
    }
    return try sizes.map {
      guard let size = Int(exactly: $0) else {
        throw Failure(description: "dataset \(path) is too large")
      }
      return size
    }
  }

  // MARK: Attributes

  /// A text attribute of an object; nil when there is none.
  func string(_ name: String, of path: String) throws -> String? {
    try strings(name, of: path)?.first
  }

  /// Texts of an attribute, of fixed or variable length; nil when there is none.
  func strings(_ name: String, of path: String) throws -> [String]? {
    guard H5Aexists_by_name(id, path, name, chdf5_default()) > 0 else { return nil }
    let attribute = H5Aopen_by_name(id, path, name, chdf5_default(), chdf5_default())
    guard attribute >= 0 else { throw Failure(description: "attribute \(name) cannot be read") }
    defer { H5Aclose(attribute) }
    let type = H5Aget_type(attribute)
    let space = H5Aget_space(attribute)
    defer {
      H5Tclose(type)
      H5Sclose(space)
    }
    let count = Int(H5Sget_simple_extent_npoints(space))
    guard H5Tget_class(type) == H5T_STRING, (0...100_000).contains(count) else {
      throw Failure(description: "attribute \(name) does not hold text")
    }
    return H5Tis_variable_str(type) > 0
      ? try variableStrings(attribute, type, space, count, name)
      : try fixedStrings(attribute, type, count, name)
  }

  private func variableStrings(
    _ attribute: hid_t, _ type: hid_t, _ space: hid_t, _ count: Int, _ name: String
  ) throws -> [String] {
    var pointers = [UnsafeMutablePointer<CChar>?](repeating: nil, count: count)
    guard H5Aread(attribute, type, &pointers) >= 0 else {
      throw Failure(description: "attribute \(name) cannot be read")
    }
    let strings = pointers.map { $0.map { String(cString: $0) } ?? "" }
    H5Dvlen_reclaim(type, space, chdf5_default(), &pointers)
    return strings
  }

  private func fixedStrings(
    _ attribute: hid_t, _ type: hid_t, _ count: Int, _ name: String
  ) throws -> [String] {
    let size = H5Tget_size(type)
    guard size > 0, size * max(1, count) <= 64 << 20 else {
      throw Failure(description: "attribute \(name) is too large")
    }
    var bytes = [CChar](repeating: 0, count: size * count)
    guard H5Aread(attribute, type, &bytes) >= 0 else {
      throw Failure(description: "attribute \(name) cannot be read")
    }
    return (0..<count).map { index in
      let piece = bytes[index * size..<(index + 1) * size].prefix { $0 != 0 }
      return text(Array(piece), piece.count)
    }
  }

  private func text(_ characters: [CChar], _ count: Int) -> String {
    String(decoding: characters.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
