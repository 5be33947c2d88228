import Glibc

/// A regular file that is open for reading.
final class OpenFile: Sendable {
  private let descriptor: Int32
  let count: Int
  /// When its content last changed.
  private let changed: timespec

  /// Takes the descriptor over.
  init(descriptor: Int32, count: Int) {
    self.descriptor = descriptor
    self.count = count
    changed = Self.information(descriptor)?.st_mtim ?? timespec()
  }

  private static func information(_ descriptor: Int32) -> stat? {
    var information = stat()
    return fstat(descriptor, &information) == 0 ? information : nil
  }

  /// Whether it is as it was when it was opened: what was hashed is what was loaded.
  var isUnchanged: Bool {
    guard let now = Self.information(descriptor) else { return false }
    return Int(now.st_size) == count && now.st_mtim.tv_sec == changed.tv_sec
      && now.st_mtim.tv_nsec == changed.tv_nsec
  }

  /// The file for a library that takes and closes a stream of its own; nil without descriptors.
  func stream() -> UnsafeMutablePointer<FILE>? {
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    guard copy >= 0 else { return nil }
    guard let stream = fdopen(copy, "rb") else {
      close(copy)
      return nil
    }
    return stream
  }

  deinit { close(descriptor) }

  /// Fills `buffer` with the bytes from `offset` on (pread(2)); false when they cannot be read.
  ///
  /// Not mapped: a mapping of a file that becomes shorter would end the process.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
    var filled = 0
    while filled < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
      let count = pread(descriptor, rest.baseAddress, rest.count, offset + filled)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return false }
      filled += count
    }
    return true
  }
}

/// A file's content: in memory, or read from the file when it is asked for.
enum FileBytes: Sendable {
  case memory([UInt8])
  case file(OpenFile)

  var count: Int {
    switch self {
    case .memory(let bytes): bytes.count
    case .file(let file): file.count
    }
  }

  /// Some of it, copied into `buffer`; false when it cannot be read.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
    switch self {
    case .memory(let bytes):
      guard offset + buffer.count <= bytes.count else { return false }
      bytes.withUnsafeBytes {
        buffer.copyMemory(from: .init(rebasing: $0[offset..<offset + buffer.count]))
      }
      return true
    case .file(let file): return file.read(at: offset, into: buffer)
    }
  }

  /// The bytes of a range; nil when they cannot be read.
  func bytes(_ range: Range<Int>) -> [UInt8]? {
    var isRead = false
    let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
      isRead = read(at: range.lowerBound, into: UnsafeMutableRawBufferPointer(buffer))
      count = isRead ? range.count : 0
    }
    return isRead ? bytes : nil
  }
}
