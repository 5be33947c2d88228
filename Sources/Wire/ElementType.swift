/// How the payload is to be read: byte 5 of the header (`dtype`).
package enum ElementType: UInt8, Sendable, CaseIterable {
  case none = 0
  /// UTF-8.
  case text = 1
  case float32 = 2
  /// Token ids.
  case int32 = 3
  case uint8 = 4
  case json = 5

  /// Bytes of one value.
  package var byteCount: Int {
    switch self {
    case .none: 0
    case .text, .uint8, .json: 1
    case .float32, .int32: 4
    }
  }

  /// The name in the friendly form; numpy's type strings for numbers.
  package var name: String {
    switch self {
    case .none: "none"
    case .text: "text"
    case .float32: "<f4"
    case .int32: "<i4"
    case .uint8: "|u1"
    case .json: "json"
    }
  }

  package init?(name: String) {
    guard let type = ElementType.allCases.first(where: { $0.name == name }) else { return nil }
    self = type
  }
}
