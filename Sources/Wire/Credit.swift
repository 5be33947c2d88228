/// The payload of a credit message: what a connection may have sent since its welcome, in all.
///
/// Absolute and never decreasing.
package struct Credit: Equatable, Sendable {
  package var total: UInt64

  package init(total: UInt64) { self.total = total }

  package var bytes: [UInt8] { Array("{\"credit\":\(total)}".utf8) }

  /// Reads the payload of a credit message or of an acknowledgement that carries credit.
  package init(payload: UnsafeRawBufferPointer) throws(JSONError) {
    var total: UInt64?
    var reader = JSONReader(payload)
    try reader.object { (key, reader) throws(JSONError) in
      switch key {
      case "credit": total = try reader.unsignedInteger()
      default: try reader.skip()
      }
    }
    guard let total else { throw reader.error("no \"credit\"") }
    self.total = total
  }
}
