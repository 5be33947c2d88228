import Glibc

/// A `.millrace` file before it is written: its header, and the tensors behind it.
package struct MillraceModelContent {
  let header: [UInt8]
  let tensors: [Tensor]

  package var byteCount: Int { tensors.reduce(header.count) { $0 + $1.values.count * 4 } }

  /// All its bytes; `write` does not hold the weights twice.
  package var bytes: [UInt8] {
    var bytes = header
    bytes.reserveCapacity(byteCount)
    for tensor in tensors { tensor.values.withUnsafeBytes { bytes += $0 } }
    return bytes
  }

  /// Writes it to an open file, piece by piece.
  ///
  /// - Returns: 0, or the `errno` of the write that failed.
  package func write(to descriptor: Int32) -> Int32 {
    var code = header.withUnsafeBytes { Self.write($0, to: descriptor) }
    for tensor in tensors where code == 0 {
      code = tensor.values.withUnsafeBytes { Self.write($0, to: descriptor) }
    }
    return code
  }

  private static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32 {
    var rest = bytes
    while !rest.isEmpty {
      let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
      if count < 0 {
        if errno == EINTR { continue }
        return errno
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
    return 0
  }
}
