import CZip
import Glibc

/// A zip archive, read through libzip: from memory, or from a file that is not read as a whole.
struct ZipArchive: ~Copyable {
  /// Why an archive or an entry cannot be read.
  enum Failure: Error, Equatable {
    case notZip(reason: String)
    case missing(entry: String)
    case tooLarge(entry: String, byteCount: UInt64, byteCountMax: Int)
    case unreadable(entry: String, reason: String)
  }

  /// Deflate cannot do better than 1,032 to 1.
  private static let compressionMax: UInt64 = 1100

  private let archive: OpaquePointer
  private let byteCount: Int
  /// libzip reads from here while an archive in memory is open.
  private let memory: UnsafeMutableRawBufferPointer?

  init(_ content: FileBytes) throws(Failure) {
    var error = zip_error_t()
    zip_error_init(&error)
    defer { zip_error_fini(&error) }
    var memory: UnsafeMutableRawBufferPointer?
    var source: OpaquePointer?
    switch content {
    case .memory(let data):
      let copy = UnsafeMutableRawBufferPointer.allocate(
        byteCount: max(1, data.count), alignment: 16)
      copy.copyBytes(from: data)
      memory = copy
      source = zip_source_buffer_create(copy.baseAddress, UInt64(data.count), 0, &error)
    case .file(let file):
      guard let stream = file.stream() else {
        throw .notZip(reason: String(cString: strerror(errno)))
      }
      source = zip_source_filep_create(stream, 0, zip_int64_t(file.count), &error)
      if source == nil { fclose(stream) }
    }
    guard let source, let archive = zip_open_from_source(source, ZIP_RDONLY, &error) else {
      if let source { zip_source_free(source) }
      memory?.deallocate()
      throw .notZip(reason: String(cString: zip_error_strerror(&error)))
    }
    self.archive = archive
    self.memory = memory
    byteCount = content.count
  }

  deinit {
    zip_discard(archive)
    memory?.deallocate()
  }

  /// The bytes of an entry, their checksum compared.
  ///
  /// One larger than `byteCountMax` is refused before memory is taken for it.
  func entry(_ name: String, byteCountMax: Int) throws(Failure) -> [UInt8] {
    var information = zip_stat_t()
    guard zip_stat(archive, name, 0, &information) == 0 else { throw .missing(entry: name) }
    let known = UInt64(ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE)
    guard information.valid & known == known, information.comp_size <= UInt64(byteCount),
      information.size <= UInt64(byteCountMax),
      information.size / ZipArchive.compressionMax <= information.comp_size
    else {
      throw .tooLarge(entry: name, byteCount: information.size, byteCountMax: byteCountMax)
    }
    guard let file = zip_fopen(archive, name, 0) else {
      throw .unreadable(entry: name, reason: String(cString: zip_strerror(archive)))
    }
    defer { zip_fclose(file) }
    var content = [UInt8](repeating: 0, count: Int(information.size))
    var filled = 0
    while filled < content.count {
      let read = content.withUnsafeMutableBytes { buffer in
        let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
        return zip_fread(file, rest.baseAddress, UInt64(rest.count))
      }
      guard read > 0 else { throw .unreadable(entry: name, reason: ZipArchive.reason(file, read)) }
      filled += Int(read)
    }
    // Only reading past the end makes libzip compare the checksum.
    var beyond: UInt8 = 0
    let read = zip_fread(file, &beyond, 1)
    guard read == 0 else { throw .unreadable(entry: name, reason: ZipArchive.reason(file, read)) }
    return content
  }

  private static func reason(_ file: OpaquePointer, _ read: zip_int64_t) -> String {
    read < 0 ? String(cString: zip_file_strerror(file)) : "its size is not the one it claims"
  }
}

extension ZipArchive.Failure: CustomStringConvertible {
  var description: String {
    switch self {
    case .notZip(let reason):
      "is no whole zip archive (\(reason)); expected all its bytes: copy or save the model again"
    case .missing(let entry):
      "is a zip archive without \(entry), expected a Keras 3 model; save it with model.save"
    case .tooLarge(let entry, let byteCount, let byteCountMax):
      "\(entry) inside claims \(byteCount) bytes, expected at most \(byteCountMax) "
        + "and no more than the archive can hold"
    case .unreadable(let entry, let reason):
      "\(entry) inside is damaged (\(reason)); copy or save the model again"
    }
  }
}
