import Tracing
import Wire

/// Who asked, as W3C's `traceparent` has it: `00-TRACE-SPAN-FLAGS` in hexadecimal digits.
///
/// <https://www.w3.org/TR/trace-context/>
package struct TraceParent: Sendable, Equatable {
  /// 32 digits.
  package let traceID: String
  /// 16 digits.
  package let spanID: String
  /// Whether whoever asked keeps this trace; spans are made for no other.
  package let isSampled: Bool

  /// Nil for what is none.
  package init?(_ text: String) {
    let fields = text.split(separator: "-", omittingEmptySubsequences: false)
    // A later version may have more fields behind these.
    guard fields.count == 4 || fields.count > 4 && fields[0] != "00",
      fields[0].count == 2, fields[0] != "ff", fields[1].count == 32, fields[2].count == 16,
      fields[3].count == 2,
      fields[0..<4].allSatisfy({ $0.utf8.allSatisfy(TraceParent.isDigit) }),
      fields[1].contains(where: { $0 != "0" }), fields[2].contains(where: { $0 != "0" }),
      let flags = UInt8(fields[3], radix: 16)
    else { return nil }
    traceID = String(fields[1])
    spanID = String(fields[2])
    isSampled = flags & 1 == 1
  }

  /// That of a message's note; nil where it has none.
  package init?(note: UnsafeRawBufferPointer) {
    guard !note.isEmpty else { return nil }
    var reader = JSONReader(note)
    var text: String?
    do {
      try reader.object { (key, reader) throws(JSONError) in
        if key == "traceparent" { text = try reader.string() } else { try reader.skip() }
      }
    } catch {
      return nil
    }
    guard let text else { return nil }
    self.init(text)
  }

  init(traceID: String, spanID: String, isSampled: Bool) {
    (self.traceID, self.spanID, self.isSampled) = (traceID, spanID, isSampled)
  }

  var text: String { "00-\(traceID)-\(spanID)-\(isSampled ? "01" : "00")" }

  /// Lower case only.
  private static func isDigit(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
  }

  /// A context whose spans are below this one.
  package var context: ServiceContext {
    var context = ServiceContext.topLevel
    context[TraceParentKey.self] = self
    return context
  }
}

/// Where a context keeps whose child its spans are.
enum TraceParentKey: ServiceContextKey {
  typealias Value = TraceParent
  static let nameOverride: String? = "traceparent"
}
