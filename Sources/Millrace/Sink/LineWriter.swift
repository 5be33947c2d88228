import Glibc

/// Appends output lines to a file descriptor, a buffer at a time.
final class LineWriter {
  struct Failure: Error, CustomStringConvertible {
    let target: String
    let code: Int32

    var description: String {
      "cannot write to \(target): \(String(cString: strerror(code))) (\(code))"
    }
  }

  let descriptor: Int32
  private let target: String
  private let isOwned: Bool
  /// Whether it is a file, whose length says how far it is good.
  let isFile: Bool
  var buffer: [UInt8] = []

  /// Opens `output`; nil when there is none.
  init?(_ output: SinkStage.Output) throws {
    switch output {
    case .none: return nil
    case .standardOutput:
      descriptor = STDOUT_FILENO
      target = "standard output"
      isOwned = false
    case .file(let path):
      descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
      target = path
      isOwned = true
      guard descriptor >= 0 else { throw Failure(target: path, code: errno) }
    }
    var status = stat()
    isFile = isOwned && fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  /// Bytes in the file.
  ///
  /// - Throws: a `Failure`.
  func length() throws -> Int64 {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Failure(target: target, code: errno) }
    return Int64(status.st_size)
  }

  /// Takes off what a process before this one wrote and did not commit.
  ///
  /// - Throws: a `Failure`.
  func cut(to length: Int64) throws {
    guard ftruncate(descriptor, off_t(length)) == 0 else {
      throw Failure(target: target, code: errno)
    }
  }

  deinit { if isOwned { close(descriptor) } }

  /// Whether the disk is full, so that a part of the buffer is still to be written.
  private(set) var isStalled = false

  /// Writes everything; blocks while a reader is slow, which is how its pace reaches the clients.
  ///
  /// Where the disk is full, the rest stays in the buffer; call it again later.
  func flush() throws {
    var written = 0
    defer { buffer.removeFirst(written) }
    isStalled = false
    while written < buffer.count {
      let count = buffer.withUnsafeBytes {
        write(descriptor, $0.baseAddress.map { $0 + written }, $0.count - written)
      }
      if count < 0 {
        if errno == EINTR { continue }
        if errno == ENOSPC || errno == EDQUOT {
          isStalled = true
          return
        }
        throw Failure(target: target, code: errno)
      }
      written += count
    }
  }

  /// Waits until all that was written is on the disk.
  func sync() throws {
    guard isFile else { return }
    guard fsync(descriptor) == 0 else { throw Failure(target: target, code: errno) }
  }

  /// For a writer that cannot wait for room.
  ///
  /// - Throws: a `Failure` while the disk is full.
  func checkRoom() throws {
    if isStalled { throw Failure(target: target, code: ENOSPC) }
  }
}
