/// The payload of a credit message or an acknowledgement: what a connection may have sent since its
/// welcome, in all.
///
/// Absolute and never decreasing.
package struct Credit: Equatable, Sendable {
  package var total: UInt64
  /// On an acknowledgement, false where the answers to what it covers are gone.
  package var isCached = true
  /// On such a one, whether the stream has ended, and its last answer is gone too.
  package var isClosed = false

  package init(total: UInt64) { self.total = total }

  package var bytes: [UInt8] {
    let gone = (isCached ? "" : ",\"cached\":false") + (isClosed ? ",\"closed\":true" : "")
    return Array("{\"credit\":\(total)\(gone)}".utf8)
  }

  /// Reads the payload of a credit message or of an acknowledgement that carries credit.
  package init(payload: UnsafeRawBufferPointer) throws(JSONError) {
    var total: UInt64?
    var (isCached, isClosed) = (true, false)
    var reader = JSONReader(payload)
    try reader.object { (key, reader) throws(JSONError) in
      switch key {
      case "credit": total = try reader.unsignedInteger()
      case "cached": isCached = try reader.boolean()
      case "closed": isClosed = try reader.boolean()
      default: try reader.skip()
      }
    }
    guard let total else { throw reader.error("no \"credit\"") }
    self.init(total: total)
    (self.isCached, self.isClosed) = (isCached, isClosed)
  }
}
