import Glibc

/// Writes whole files: beside their place first, then in it, so that nobody reads half a file.
package enum OutputFile {
  /// - Throws: a `FileFailure` that names the file and the system's reason.
  package static func write(_ bytes: [UInt8], to path: String) throws(FileFailure) {
    try write(to: path) { descriptor in
      var written = 0
      while written < bytes.count {
        let count = bytes[written...].withUnsafeBytes {
          Glibc.write(descriptor, $0.baseAddress, $0.count)
        }
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else { return errno }
        written += count
      }
      return 0
    }
  }

  /// As above, by a function that writes to an open file and returns 0, or an `errno`.
  package static func write(
    to path: String, _ write: (_ descriptor: Int32) -> Int32
  ) throws(FileFailure) {
    var template = Array("\(path).XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw failure(path, errno) }
    let beside = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let code = write(descriptor)
    guard code == 0 else {
      close(descriptor)
      unlink(beside)
      throw failure(path, code)
    }
    // As open(2) would have made it: mkstemp lets nobody else read.
    let mask = umask(0)
    umask(mask)
    guard fchmod(descriptor, 0o666 & ~mask) == 0, close(descriptor) == 0,
      rename(beside, path) == 0
    else {
      let code = errno
      unlink(beside)
      throw failure(path, code)
    }
  }

  private static func failure(_ path: String, _ code: Int32) -> FileFailure {
    FileFailure(
      "\(path): cannot be written: \(String(cString: strerror(code))) (\(code)); "
        + "expected a folder that exists and may be written to")
  }
}
