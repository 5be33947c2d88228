import Foundation

/// A JSON value with its objects' keys in their order, byte for byte.
///
/// Foundation's parser puts keys into a dictionary of `String`, where two spellings of "é" are one
/// key; a vocabulary may hold both.
enum JSONTree {
  case null
  case flag(Bool)
  case number(Double)
  case text(String)
  case list([JSONTree])
  case object([(key: String, value: JSONTree)])

  /// - Throws: a `TokenizerFileError`.
  init(parsing bytes: [UInt8]) throws(TokenizerFileError) {
    var parser = Parser(bytes: bytes)
    self = try parser.value(depth: 0)
    parser.skipSpace()
    guard parser.position == bytes.count else { throw parser.error("more behind the value") }
  }

  private struct Parser {
    private static let depthMax = 64

    let bytes: [UInt8]
    var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    func error(_ reason: String) -> TokenizerFileError {
      .notJSON("\(reason) at byte \(position)")
    }

    mutating func skipSpace() {
      while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) {
        position += 1
      }
    }

    private mutating func accept(_ byte: UInt8) -> Bool {
      skipSpace()
      guard position < bytes.count, bytes[position] == byte else { return false }
      position += 1
      return true
    }

    private mutating func expect(_ byte: UInt8) throws(TokenizerFileError) {
      guard accept(byte) else { throw error("no \"\(Unicode.Scalar(byte))\"") }
    }

    mutating func value(depth: Int) throws(TokenizerFileError) -> JSONTree {
      guard depth <= Parser.depthMax else { throw error("nested too deep") }
      skipSpace()
      guard position < bytes.count else { throw error("the end comes too early") }
      switch bytes[position] {
      case UInt8(ascii: "{"): return try object(depth)
      case UInt8(ascii: "["): return try list(depth)
      case UInt8(ascii: "\""): return .text(try string())
      case UInt8(ascii: "t"): return try literal("true", .flag(true))
      case UInt8(ascii: "f"): return try literal("false", .flag(false))
      case UInt8(ascii: "n"): return try literal("null", .null)
      default: return try number()
      }
    }

    private mutating func object(_ depth: Int) throws(TokenizerFileError) -> JSONTree {
      position += 1
      var members: [(key: String, value: JSONTree)] = []
      if accept(UInt8(ascii: "}")) { return .object(members) }
      repeat {
        skipSpace()
        let key = try string()
        try expect(UInt8(ascii: ":"))
        members.append((key, try value(depth: depth + 1)))
      } while accept(UInt8(ascii: ","))
      try expect(UInt8(ascii: "}"))
      return .object(members)
    }

    private mutating func list(_ depth: Int) throws(TokenizerFileError) -> JSONTree {
      position += 1
      var elements: [JSONTree] = []
      if accept(UInt8(ascii: "]")) { return .list(elements) }
      repeat { elements.append(try value(depth: depth + 1)) } while accept(UInt8(ascii: ","))
      try expect(UInt8(ascii: "]"))
      return .list(elements)
    }

    private mutating func literal(
      _ text: String, _ value: JSONTree
    ) throws(TokenizerFileError) -> JSONTree {
      guard bytes[position...].starts(with: text.utf8) else { throw error("no value") }
      position += text.utf8.count
      return value
    }

    private mutating func number() throws(TokenizerFileError) -> JSONTree {
      let start = position
      while position < bytes.count, "+-0123456789.eE".utf8.contains(bytes[position]) {
        position += 1
      }
      guard let value = Double(String(decoding: bytes[start..<position], as: UTF8.self)) else {
        position = start
        throw error("no value")
      }
      return .number(value)
    }

    private mutating func string() throws(TokenizerFileError) -> String {
      guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
        throw error("no text")
      }
      position += 1
      var text: [UInt8] = []
      while position < bytes.count {
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""):
          guard let string = String(validating: text, as: UTF8.self) else {
            throw error("text that is not UTF-8")
          }
          return string
        case UInt8(ascii: "\\"): text += try escape()
        default: text.append(byte)
        }
      }
      throw error("text without its end")
    }

    private mutating func escape() throws(TokenizerFileError) -> [UInt8] {
      guard position < bytes.count else { throw error("text without its end") }
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "n"): return [0x0A]
      case UInt8(ascii: "t"): return [0x09]
      case UInt8(ascii: "r"): return [0x0D]
      case UInt8(ascii: "b"): return [0x08]
      case UInt8(ascii: "f"): return [0x0C]
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
      case UInt8(ascii: "u"): return Array(String(try unicodeEscape()).utf8)
      default: throw error("an unknown escape")
      }
    }

    private mutating func unicodeEscape() throws(TokenizerFileError) -> Unicode.Scalar {
      let first = try hexadecimal()
      if let scalar = Unicode.Scalar(first) { return scalar }
      guard (0xD800...0xDBFF).contains(first), bytes[position...].starts(with: "\\u".utf8) else {
        throw error("half a surrogate pair")
      }
      position += 2
      let second = try hexadecimal()
      guard (0xDC00...0xDFFF).contains(second),
        let scalar = Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
      else { throw error("half a surrogate pair") }
      return scalar
    }

    private mutating func hexadecimal() throws(TokenizerFileError) -> UInt32 {
      guard position + 4 <= bytes.count,
        let value = UInt32(
          String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
      else { throw error("an unknown escape") }
      position += 4
      return value
    }
  }
}
