import CZeroMQ

/// A public key of CURVE (RFC 26): 32 bytes, written as 40 characters of Z85 (RFC 32).
package struct CurveKey: Hashable, Sendable, CustomStringConvertible {
  /// The 40 characters.
  package let text: String

  package static let characterCount = 40
  static let byteCount = 32

  /// Nil for what is not 40 characters of Z85.
  package init?(_ text: some StringProtocol) {
    guard CurveKey.decode(text) != nil else { return nil }
    self.text = String(text)
  }

  /// The key that a ZAP request carries as 32 bytes; nil for another number of them.
  init?(bytes: UnsafeRawBufferPointer) {
    guard bytes.count == CurveKey.byteCount, let start = bytes.baseAddress else { return nil }
    text = CurveKey.text { zmq_z85_encode($0, start, CurveKey.byteCount) != nil } ?? ""
  }

  package var description: String { text }

  /// The 32 bytes of 40 characters; nil where they are none.
  ///
  /// libzmq's own decoder does not look whether a character is in the alphabet.
  static func decode(_ text: some StringProtocol) -> [UInt8]? {
    guard text.utf8.count == characterCount, text.utf8.allSatisfy(alphabet.contains) else {
      return nil
    }
    var bytes = [UInt8](repeating: 0, count: byteCount)
    return zmq_z85_decode(&bytes, String(text)) == nil ? nil : bytes
  }

  /// Lets libzmq write 40 characters and a zero; nil when it fails.
  static func text(_ body: (UnsafeMutablePointer<CChar>) -> Bool) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: characterCount + 1) { buffer in
      guard let start = buffer.baseAddress, body(start) else { return nil }
      return String(cString: start)
    }
  }

  private static let alphabet = Set(
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#".utf8)
}
