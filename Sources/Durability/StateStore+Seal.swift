import CXXHash
import Foundation
import GRDB

/// What finds a changed bit.
///
/// SQLite finds a damaged page, not a damaged value. 8 bytes of XXH3 go behind each value, over the
/// value and over where it belongs, so that a changed name cannot give one stream the state of another.
extension StateStore {
  /// 16 hexadecimal digits that another content does not have by chance.
  package static func fingerprint(_ bytes: [UInt8]) -> String {
    let digits = String(checksum(bytes), radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  static func sealed(_ body: [UInt8], _ name: String) -> Data {
    var data = Data(capacity: body.count + 8)
    data.append(contentsOf: body)
    withUnsafeBytes(of: checksum(body, name).littleEndian) { data.append(contentsOf: $0) }
    return data
  }

  /// The bytes in front of the checksum; `name` is what `sealed` was given.
  ///
  /// - Throws: `StoreError.damaged`.
  func opened(_ data: Data, _ name: String) throws(StoreError) -> [UInt8] {
    guard let body = StateStore.body(of: data, name) else {
      throw .damaged(path: path, what: "\(name) has another checksum than it was written with")
    }
    return body
  }

  /// The bytes in front of a checksum that is theirs; nil where it is not.
  static func body(of data: Data, _ name: String) -> [UInt8]? {
    guard data.count >= 8 else { return nil }
    let body = [UInt8](data.dropLast(8))
    let sum = data.suffix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return checksum(body, name) == sum ? body : nil
  }

  private static func checksum(_ bytes: [UInt8]) -> UInt64 {
    bytes.withUnsafeBytes { XXH3_64bits($0.baseAddress, $0.count) }
  }

  /// Of a value and its name: the name's own is the seed.
  private static func checksum(_ bytes: [UInt8], _ name: String) -> UInt64 {
    var name = name
    let seed = name.withUTF8 { XXH3_64bits($0.baseAddress, $0.count) }
    return bytes.withUnsafeBytes { XXH3_64bits_withSeed($0.baseAddress, $0.count, seed) }
  }

  // MARK: Names

  static func inputsName(_ group: UInt64) -> String { "group \(group) of the inputs" }

  static func writtenName(_ group: UInt64) -> String { "group \(group) of the written answers" }

  static func pastName(of stream: String, _ number: UInt64) -> String {
    "the checkpoint of \(stream) at \(number)"
  }

  static func name(of stream: String, in table: String) -> String { "\(stream) in \(table)" }

  // MARK: Facts

  static func setFact(_ name: String, to value: String, _ database: Database) throws {
    let sum = fingerprint(Array("\(name)=\(value)".utf8))
    try database.cachedStatement(sql: "REPLACE INTO facts VALUES (?, ?)")
      .execute(arguments: [name, "\(value) \(sum)"])
  }

  /// - Throws: `StoreError.damaged`.
  static func fact(_ name: String, _ database: Database, _ path: String) throws -> String? {
    guard
      let kept = try String.fetchOne(
        database, sql: "SELECT value FROM facts WHERE name = ?", arguments: [name])
    else { return nil }
    let value = String(kept.dropLast(17))
    guard kept.hasSuffix(" " + fingerprint(Array("\(name)=\(value)".utf8))) else {
      throw StoreError.damaged(
        path: path, what: "\(name) has another checksum than it was written with")
    }
    return value
  }
}
