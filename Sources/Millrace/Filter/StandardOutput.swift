import CProcess
import Glibc

/// Standard output of a command, all of it: a disk that is full is an error, not a shorter answer.
package enum StandardOutput {
  /// Writes all of it.
  ///
  /// - Throws: a `LineWriter.Failure`.
  package static func write(_ bytes: [UInt8]) throws {
    let writer = try LineWriter(.standardOutput)
    writer?.buffer = bytes
    try writer?.flush()
    try writer?.checkRoom()
  }

  /// Writes what `print` has buffered; call it when a command is done.
  ///
  /// - Throws: a `LineWriter.Failure`.
  package static func finish() throws {
    guard cprocess_flush_output() == 0 else {
      throw LineWriter.Failure(target: "standard output", code: errno)
    }
  }
}
