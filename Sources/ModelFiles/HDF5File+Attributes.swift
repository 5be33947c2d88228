import CHDF5

extension HDF5File {
  /// Texts of one attribute beyond this many, and bytes beyond `attributeBytesMax`, are refused.
  private static let textCountMax = 100_000
  private static let attributeBytesMax = 64 << 20

  /// A text attribute of an object; nil when there is none.
  func string(_ name: String, of path: String) throws(HDF5Error) -> String? {
    try strings(name, of: path)?.first
  }

  /// Texts of an attribute, of fixed or variable length; nil when there is none.
  ///
  /// Keras writes a list without entries as numbers of shape [0].
  func strings(_ name: String, of path: String) throws(HDF5Error) -> [String]? {
    let place = "attribute \(name) of \(path)"
    guard try exists(path) else { throw .missing(object: path) }
    guard H5Aexists_by_name(id, path, name, chdf5_default()) > 0 else { return nil }
    let attribute = H5Aopen_by_name(id, path, name, chdf5_default(), chdf5_default())
    guard attribute >= 0 else { throw .unreadable(object: place, reason: HDF5File.reason()) }
    defer { H5Aclose(attribute) }
    let type = H5Aget_type(attribute)
    let space = H5Aget_space(attribute)
    defer {
      H5Tclose(type)
      H5Sclose(space)
    }
    guard type >= 0, space >= 0 else {
      throw .unreadable(object: place, reason: HDF5File.reason())
    }
    let count = Int(clamping: H5Sget_simple_extent_npoints(space))
    guard (0...HDF5File.textCountMax).contains(count) else {
      throw .unreadable(object: place, reason: "\(count) texts")
    }
    if count == 0 { return [] }
    guard H5Tget_class(type) == H5T_STRING else { throw .notText(object: place) }
    return H5Tis_variable_str(type) > 0
      ? try variableStrings(name, of: path, count, place)
      : try fixedStrings(attribute, type, count, place)
  }

  /// Reads without the library, which trusts a damaged heap and crashes.
  private func variableStrings(
    _ name: String, of path: String, _ count: Int, _ place: String
  ) throws(HDF5Error) -> [String] {
    let address = chdf5_header_address(id, path)
    guard address >= 0 else { throw .unreadable(object: place, reason: HDF5File.reason()) }
    do {
      return try HDF5VariableText(bytes).strings(
        ofAttribute: name, header: Int(address), count: count)
    } catch {
      throw .unreadable(object: place, reason: error.description)
    }
  }

  private func fixedStrings(
    _ attribute: hid_t, _ type: hid_t, _ count: Int, _ place: String
  ) throws(HDF5Error) -> [String] {
    let size = H5Tget_size(type)
    guard size > 0, size <= HDF5File.attributeBytesMax / count else {
      throw .unreadable(object: place, reason: "\(count) texts of \(size) bytes")
    }
    var characters = [CChar](repeating: 0, count: size * count)
    guard H5Aread(attribute, type, &characters) >= 0 else {
      throw .unreadable(object: place, reason: HDF5File.reason())
    }
    return (0..<count).map { HDF5File.text(characters[$0 * size..<($0 + 1) * size]) }
  }
}
