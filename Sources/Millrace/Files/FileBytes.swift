import Glibc

/// All bytes of a file that a command names.
struct FileBytes {
  /// As it was named, for messages.
  let path: String
  let bytes: [UInt8]

  /// Reads a whole file, or standard input for "-".
  ///
  /// - Parameters:
  ///   - path: as the user named it.
  ///   - expected: what should be in it, for messages.
  /// - Throws: a `TextFile.Failure`.
  init(readingFrom path: String, expecting expected: String) throws(TextFile.Failure) {
    self.path = path == "-" ? "standard input" : path
    let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      guard errno != ENOENT, errno != ENOTDIR else {
        throw .missing(path: path, expected: expected)
      }
      throw .unreadable(path: path, expected: expected, code: errno)
    }
    defer { if descriptor != STDIN_FILENO { close(descriptor) } }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 * 1024)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw .unreadable(path: self.path, expected: expected, code: errno)
      }
      guard count > 0 else { break }
      bytes.append(contentsOf: buffer[..<count])
    }
    self.bytes = bytes
  }
}
