/// Parses JSON from anywhere: no input makes it crash, recurse deeply, or take more memory than a
/// constant times its length.
///
/// NaN, Infinity and -Infinity are numbers, as Python writes them. A name that stands twice in one
/// object is refused: readers differ in which of the two they mean.
///
/// Source: RFC 8259.
struct JSONValueParser {
  /// Why a text is no JSON.
  struct Failure: Error {}

  private static let depthMax = 128

  private let text: [UInt8]
  private var position = 0

  private init(_ text: [UInt8]) { self.text = text }

  /// The value that is the whole text.
  static func parse(_ text: [UInt8]) throws(Failure) -> JSONValue {
    var parser = JSONValueParser(text)
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    guard parser.position == text.count else { throw Failure() }
    return value
  }

  private var next: UInt8? { position < text.count ? text[position] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 {
      position += 1
    }
  }

  /// Takes a byte behind white space, if it is there.
  private mutating func takes(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func takes(word: StaticString) -> Bool {
    let count = word.utf8CodeUnitCount
    let isThere = word.withUTF8Buffer { text[position...].starts(with: $0) }
    if isThere { position += count }
    return isThere
  }

  private mutating func value(depth: Int) throws(Failure) -> JSONValue {
    guard depth < Self.depthMax else { throw Failure() }
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    default: break
    }
    if takes(word: "true") { return .bool(true) }
    if takes(word: "false") { return .bool(false) }
    if takes(word: "null") { return .null }
    if takes(word: "NaN") { return .number(.nan) }
    if takes(word: "Infinity") { return .number(.infinity) }
    if takes(word: "-Infinity") { return .number(-.infinity) }
    return .number(try number())
  }

  private mutating func array(depth: Int) throws(Failure) -> JSONValue {
    position += 1
    var values: [JSONValue] = []
    if takes("]") { return .array(values) }
    repeat { values.append(try value(depth: depth + 1)) } while takes(",")
    guard takes("]") else { throw Failure() }
    return .array(values)
  }

  private mutating func object(depth: Int) throws(Failure) -> JSONValue {
    position += 1
    var members: [String: JSONValue] = [:]
    if takes("}") { return .object(members) }
    repeat {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw Failure() }
      let name = try string()
      guard takes(":"), members[name] == nil else { throw Failure() }
      members[name] = try value(depth: depth + 1)
    } while takes(",")
    guard takes("}") else { throw Failure() }
    return .object(members)
  }

  private mutating func number() throws(Failure) -> Double {
    let start = position
    var isDigit = false
    while let byte = next {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): isDigit = true
      case UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "e"),
        UInt8(ascii: "E"):
        break
      default:
        return try number(start, isDigit)
      }
      position += 1
    }
    return try number(start, isDigit)
  }

  /// The forms that JSON has and Swift has not, or the other way round: "+1", ".5", "1.".
  private func number(_ start: Int, _ hasDigit: Bool) throws(Failure) -> Double {
    let digits = text[start..<position]
    guard hasDigit, digits.count <= 400, let first = digits.first, let last = digits.last,
      first != UInt8(ascii: "+"), first != UInt8(ascii: "."), last != UInt8(ascii: "."),
      let value = Double(String(decoding: digits, as: UTF8.self)), value.isFinite
    else { throw Failure() }
    return value
  }

  private mutating func string() throws(Failure) -> String {
    position += 1
    let start = position
    var bytes: [UInt8] = []
    var isPlain = true
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        if isPlain { bytes = Array(text[start..<position]) }
        position += 1
        guard let string = String(validating: bytes, as: UTF8.self) else { throw Failure() }
        return string
      case UInt8(ascii: "\\"):
        if isPlain { bytes = Array(text[start..<position]) }
        isPlain = false
        position += 1
        try escape(into: &bytes)
      case 0..<0x20: throw Failure()
      default:
        if !isPlain { bytes.append(byte) }
        position += 1
      }
    }
    throw Failure()
  }

  private mutating func escape(into bytes: inout [UInt8]) throws(Failure) {
    guard let kind = next else { throw Failure() }
    position += 1
    switch kind {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(kind)
    case UInt8(ascii: "b"): bytes.append(0x08)
    case UInt8(ascii: "f"): bytes.append(0x0c)
    case UInt8(ascii: "n"): bytes.append(0x0a)
    case UInt8(ascii: "r"): bytes.append(0x0d)
    case UInt8(ascii: "t"): bytes.append(0x09)
    case UInt8(ascii: "u"):
      var code = try fourDigits()
      if (0xd800..<0xdc00).contains(code) {
        guard takes(word: "\\u") else { throw Failure() }
        let low = try fourDigits()
        guard (0xdc00..<0xe000).contains(low) else { throw Failure() }
        code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw Failure() }
      bytes += Array(String(Character(scalar)).utf8)
    default: throw Failure()
    }
  }

  private mutating func fourDigits() throws(Failure) -> UInt32 {
    guard position + 4 <= text.count else { throw Failure() }
    var code: UInt32 = 0
    for byte in text[position..<position + 4] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
        throw Failure()
      }
      code = code << 4 | UInt32(digit)
    }
    position += 4
    return code
  }
}
