import CZip

/// A zip archive in memory, read through libzip.
struct ZipArchive: ~Copyable {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  private let archive: OpaquePointer
  /// libzip reads from here while the archive is open.
  private let bytes: UnsafeMutableRawBufferPointer

  /// An entry larger than this is refused before memory is taken for it.
  private static let entryBytesMax = 4 << 30

  init(_ data: [UInt8]) throws(Failure) {
    bytes = .allocate(byteCount: max(1, data.count), alignment: 16)
    bytes.copyBytes(from: data)
    var error = zip_error_t()
    zip_error_init(&error)
    defer { zip_error_fini(&error) }
    guard let source = zip_source_buffer_create(bytes.baseAddress, UInt64(data.count), 0, &error)
    else {
      bytes.deallocate()
      throw Failure(description: "no memory for the archive")
    }
    guard let archive = zip_open_from_source(source, ZIP_RDONLY, &error) else {
      zip_source_free(source)
      let reason = String(cString: zip_error_strerror(&error))
      bytes.deallocate()
      throw Failure(description: "is not a whole zip archive (\(reason)); save the model again")
    }
    self.archive = archive
  }

  deinit {
    zip_discard(archive)
    bytes.deallocate()
  }

  func contains(_ name: String) -> Bool { zip_name_locate(archive, name, 0) >= 0 }

  /// The bytes of an entry; libzip checks their CRC.
  func entry(_ name: String) throws(Failure) -> [UInt8] {
    var information = zip_stat_t()
    guard zip_stat(archive, name, 0, &information) == 0 else {
      throw Failure(description: "has no \(name) inside; expected a Keras 3 model")
    }
    guard information.size <= ZipArchive.entryBytesMax,
      // Deflate cannot do better than 1,032 to 1.
      information.size <= (information.comp_size + 1) * 1100
    else {
      throw Failure(description: "\(name) inside claims \(information.size) bytes")
    }
    guard let file = zip_fopen(archive, name, 0) else {
      throw Failure(description: "\(name) inside cannot be read; the file is damaged")
    }
    defer { zip_fclose(file) }
    var content = [UInt8](repeating: 0, count: Int(information.size))
    let size = content.count
    let read = content.withUnsafeMutableBytes { zip_fread(file, $0.baseAddress, UInt64(size)) }
    guard read == Int64(size) else {
      throw Failure(description: "\(name) inside is damaged; save the model again")
    }
    return content
  }
}
