import Glibc

/// Reads JSON from bytes, value by value, without building a tree.
///
/// Foundation's parser merges duplicate keys in silence and has no bound on depth; headers and
/// input lines need both refused. The bytes must outlive the reader.
package struct JSONReader {
  private let bytes: UnsafeRawBufferPointer
  private let maximumDepth: Int
  package private(set) var position = 0
  private var depth = 0

  /// Starts at the first byte.
  ///
  /// - Parameters:
  ///   - bytes: UTF-8 text.
  ///   - maximumDepth: how deep a value may nest.
  package init(_ bytes: UnsafeRawBufferPointer, maximumDepth: Int = 4) {
    self.bytes = bytes
    self.maximumDepth = maximumDepth
  }

  // MARK: Objects and arrays

  /// Reads an object; `member` reads the value that follows each key, or skips it.
  ///
  /// - Throws: a `JSONError`, also for a key that stands twice.
  package mutating func object(
    _ member: (_ key: String, _ reader: inout JSONReader) throws(JSONError) -> Void
  ) throws(JSONError) {
    try enter(UInt8(ascii: "{"))
    defer { depth -= 1 }
    if accept(UInt8(ascii: "}")) { return }
    var keys = SeenKeys()
    repeat {
      let key = try string()
      guard keys.insert(key) else {
        throw error("the key \(JSONText.quoted(String(key.prefix(64)))) stands twice")
      }
      try expect(UInt8(ascii: ":"))
      try member(key, &self)
    } while accept(UInt8(ascii: ","))
    try expect(UInt8(ascii: "}"))
  }

  /// Reads an array; `element` reads each value.
  package mutating func array(
    _ element: (_ reader: inout JSONReader) throws(JSONError) -> Void
  ) throws(JSONError) {
    try enter(UInt8(ascii: "["))
    defer { depth -= 1 }
    if accept(UInt8(ascii: "]")) { return }
    repeat { try element(&self) } while accept(UInt8(ascii: ","))
    try expect(UInt8(ascii: "]"))
  }

  /// Nothing but white space may follow.
  package mutating func finish() throws(JSONError) {
    skipSpace()
    guard position == bytes.count else { throw error("unexpected text behind the value") }
  }

  /// Reads over one value of any kind.
  package mutating func skip() throws(JSONError) {
    switch peek() {
    case UInt8(ascii: "{"):
      try object { (_, reader) throws(JSONError) in try reader.skip() }
    case UInt8(ascii: "["):
      try array { (reader) throws(JSONError) in try reader.skip() }
    case UInt8(ascii: "\""): _ = try string()
    case UInt8(ascii: "t"), UInt8(ascii: "f"): _ = try boolean()
    case UInt8(ascii: "n"): try null()
    default: _ = try double()
    }
  }

  /// The next byte that is not white space; 0 at the end.
  package mutating func peek() -> UInt8 {
    skipSpace()
    return position < bytes.count ? bytes[position] : 0
  }

  // MARK: Single values

  package mutating func null() throws(JSONError) { try literal("null") }

  package mutating func boolean() throws(JSONError) -> Bool {
    if peek() == UInt8(ascii: "t") {
      try literal("true")
      return true
    }
    try literal("false")
    return false
  }

  /// An integer from 0 to 2^53 - 1, the range that every JSON reader keeps exact.
  package mutating func unsignedInteger() throws(JSONError) -> UInt64 {
    skipSpace()
    let start = position
    var value: UInt64 = 0
    while position < bytes.count, (0x30...0x39).contains(bytes[position]) {
      value = value &* 10 &+ UInt64(bytes[position] - 0x30)
      position += 1
      guard value < 1 << 53 else { throw error("an integer of 2^53 or more") }
    }
    guard position > start else { throw error("expected an integer of 0 or more") }
    guard position - start == 1 || bytes[start] != 0x30 else { throw error("a leading zero") }
    if position < bytes.count, [0x2e, 0x45, 0x65].contains(bytes[position]) {
      throw error("expected an integer")
    }
    return value
  }

  package mutating func double() throws(JSONError) -> Double {
    try number { text, end in strtod(text, end) }
  }

  /// Rounded once, from decimal to the nearest 32-bit value.
  package mutating func float() throws(JSONError) -> Float {
    try number { text, end in strtof(text, end) }
  }

  private mutating func number<Value>(
    _ parse: (UnsafePointer<CChar>, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Value
  ) throws(JSONError) -> Value {
    skipSpace()
    let start = position
    // Checked here against JSON's grammar: strtod would also take "inf", "0x10" and "1.".
    if position < bytes.count, bytes[position] == UInt8(ascii: "-") { position += 1 }
    let digits = skipDigits()
    guard digits > 0 else {
      position = start
      throw error("expected a number")
    }
    if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
      position += 1
      guard skipDigits() > 0 else { throw error("a number ends in \".\"") }
    }
    if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
      position += 1
      if position < bytes.count, [0x2b, 0x2d].contains(bytes[position]) { position += 1 }
      guard skipDigits() > 0 else { throw error("a number without its exponent") }
    }
    let length = position - start
    guard length < 64 else { throw error("a number of \(length) characters") }
    let source = bytes
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
      for index in 0..<length { text[index] = CChar(bitPattern: source[start + index]) }
      text[length] = 0
      var end: UnsafeMutablePointer<CChar>?
      guard let base = text.baseAddress else { preconditionFailure("64 bytes have an address") }
      return parse(base, &end)
    }
  }

  private mutating func skipDigits() -> Int {
    let start = position
    while position < bytes.count, (0x30...0x39).contains(bytes[position]) { position += 1 }
    return position - start
  }

  package mutating func string() throws(JSONError) -> String {
    try expect(UInt8(ascii: "\""))
    let start = position
    while position < bytes.count, bytes[position] != UInt8(ascii: "\""),
      bytes[position] != UInt8(ascii: "\\"), bytes[position] >= 0x20
    {
      position += 1
    }
    guard position < bytes.count else { throw error("a string without its end") }
    if bytes[position] == UInt8(ascii: "\"") {
      position += 1
      return try validated(bytes[start..<position - 1])
    }
    return try escapedString(from: start)
  }

  private mutating func escapedString(from start: Int) throws(JSONError) -> String {
    var text = Array(bytes[start..<position])
    while position < bytes.count {
      let byte = bytes[position]
      guard byte >= 0x20 else { throw error("a control character in a string") }
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        return try validated(text)
      case UInt8(ascii: "\\"): text.append(contentsOf: try escape())
      default: text.append(byte)
      }
    }
    throw error("a string without its end")
  }

  private mutating func escape() throws(JSONError) -> [UInt8] {
    guard position < bytes.count else { throw error("a string without its end") }
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0c]
    case UInt8(ascii: "n"): return [0x0a]
    case UInt8(ascii: "r"): return [0x0d]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"): return Array(String(try unicodeEscape()).utf8)
    default: throw error("an unknown escape in a string")
    }
  }

  private mutating func unicodeEscape() throws(JSONError) -> Character {
    let first = try hexadecimal()
    if let scalar = Unicode.Scalar(first) { return Character(scalar) }
    // A surrogate counts only as the first of a pair.
    guard (0xD800...0xDBFF).contains(first), position + 1 < bytes.count,
      bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u")
    else { throw error("half a surrogate pair") }
    position += 2
    let second = try hexadecimal()
    guard (0xDC00...0xDFFF).contains(second),
      let scalar = Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
    else { throw error("half a surrogate pair") }
    return Character(scalar)
  }

  private mutating func hexadecimal() throws(JSONError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard position < bytes.count,
        let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue
      else { throw error("expected four hexadecimal digits") }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  private func validated(_ text: some Collection<UInt8>) throws(JSONError) -> String {
    guard let string = String(validating: text, as: UTF8.self) else {
      throw error("a string that is not UTF-8")
    }
    return string
  }

  // MARK: Punctuation

  private mutating func literal(_ text: String) throws(JSONError) {
    skipSpace()
    guard bytes[position...].starts(with: text.utf8) else { throw error("expected \(text)") }
    position += text.utf8.count
  }

  private mutating func enter(_ byte: UInt8) throws(JSONError) {
    guard depth < maximumDepth else { throw error("nested deeper than \(maximumDepth)") }
    try expect(byte)
    depth += 1
  }

  private mutating func expect(_ byte: UInt8) throws(JSONError) {
    guard accept(byte) else {
      throw error("expected \"\(Character(Unicode.Scalar(byte)))\"")
    }
  }

  private mutating func accept(_ byte: UInt8) -> Bool {
    guard peek() == byte, position < bytes.count else { return false }
    position += 1
    return true
  }

  private mutating func skipSpace() {
    while position < bytes.count,
      bytes[position] == 0x20
        || (0x09...0x0d).contains(bytes[position])
          && bytes[position] != 0x0b && bytes[position] != 0x0c
    {
      position += 1
    }
  }

  package func error(_ reason: String) -> JSONError { JSONError(byte: position, reason: reason) }
}
