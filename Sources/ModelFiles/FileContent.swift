import Glibc

/// The bytes of a model file.
enum FileContent {
  /// A larger model file is refused before memory is taken for it.
  static let byteCountMax = 4 << 30

  /// The whole file in memory.
  ///
  /// - Throws: a `ModelFileError` for what is no readable regular file, is empty or too large.
  static func read(_ path: String) throws(ModelFileError) -> [UInt8] {
    try bytes(of: .file(try open(path)), path)
  }

  /// All bytes of what was opened.
  static func bytes(of content: FileBytes, _ path: String) throws(ModelFileError) -> [UInt8] {
    if case .memory(let bytes) = content { return bytes }
    guard let bytes = content.bytes(0..<content.count) else { throw changed(path) }
    return bytes
  }

  static func changed(_ path: String) -> ModelFileError {
    .unreadable(path: path, reason: "changed while it was read; try again")
  }

  /// - Throws: as `read`.
  static func open(_ path: String) throws(ModelFileError) -> OpenFile {
    // A pipe without a writer would hold a blocking open for ever.
    let descriptor = Glibc.open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(path, errno) }
    var information = stat()
    guard fstat(descriptor, &information) == 0 else {
      let code = errno
      close(descriptor)
      throw failure(path, code)
    }
    let size = Int(information.st_size)
    let file = OpenFile(descriptor: descriptor, count: size)
    switch information.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR:
      throw .unreadable(
        path: path,
        reason: "is a folder, expected a model file; save the model as one file")
    default:
      throw .unreadable(path: path, reason: "is no regular file, expected a model file")
    }
    guard size > 0 else {
      throw .unreadable(
        path: path, reason: "is empty, expected a model; save the model again")
    }
    guard size <= byteCountMax else {
      throw .unreadable(path: path, reason: "has \(size) bytes, expected at most \(byteCountMax)")
    }
    return file
  }

  private static func failure(_ path: String, _ code: Int32) -> ModelFileError {
    if code == ENOENT || code == ENOTDIR { return .missing(path: path) }
    return .unreadable(path: path, reason: "cannot be read: \(String(cString: strerror(code)))")
  }
}
