/// Names one stream: 1 to 128 bytes of `A-Z a-z 0-9 . _ : @ -`.
///
/// The alphabet leaves out `/`, so that a name can stand inside a topic, and everything that could
/// move a path or a terminal.
package struct StreamID: Hashable, Sendable, Comparable, CustomStringConvertible {
  package static let maximumBytes = 128

  package let name: String

  package init?(_ name: String) {
    var name = name
    let valid = name.withUTF8 { StreamID.isValid(UnsafeRawBufferPointer($0)) }
    guard valid else { return nil }
    self.name = name
  }

  /// A name that stands in the code.
  package init(literal name: StaticString) {
    guard let id = StreamID("\(name)") else { preconditionFailure("\(name) is no stream name") }
    self = id
  }

  /// Reads part 0 of a message; nil when a byte is outside the alphabet or the length is wrong.
  package init?(bytes: UnsafeRawBufferPointer) {
    guard StreamID.isValid(bytes) else { return nil }
    name = String(decoding: bytes, as: UTF8.self)
  }

  package var description: String { name }

  /// Why a text is no name, for people; nil where it is one.
  package static func problem(with name: String) -> String? {
    guard StreamID(name) == nil else { return nil }
    let rule = "expected a stream's name, 1 to \(maximumBytes) of A-Z a-z 0-9 . _ : @ -"
    let wrong = name.unicodeScalars.first { $0.value > 127 || !isAllowed(UInt8($0.value)) }
    if let wrong { return "\(rule); leave out \(JSONText.quoted(String(wrong)))" }
    return name.isEmpty ? "\(rule); it is empty" : "\(rule); it has \(name.utf8.count)"
  }

  /// Calls `body` with part 0 of a message: the name's bytes.
  package func withBytes<Result>(
    _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    var name = name
    return try name.withUTF8 { try body(UnsafeRawBufferPointer($0)) }
  }

  package static func < (left: StreamID, right: StreamID) -> Bool { left.name < right.name }

  /// FNV-1a of the name: the same in every process and run, so that the worker of a stream is too.
  package var stableHash: UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    return hash
  }

  private static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard (1...maximumBytes).contains(bytes.count) else { return false }
    for byte in bytes where !isAllowed(byte) { return false }
    return true
  }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "@"),
      UInt8(ascii: "-"):
      true
    default: false
    }
  }
}
