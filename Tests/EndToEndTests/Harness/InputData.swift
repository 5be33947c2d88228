import Wire

/// The payload of a data message, before it becomes bytes.
enum InputData: Equatable {
  case none
  case text([UInt8])
  case ids([Int32])
  case values([[Float]])

  static func text(_ text: String) -> InputData { .text(Array(text.utf8)) }

  /// Elements, in the units of `number`.
  var count: Int {
    switch self {
    case .none: 0
    case .text(let bytes): bytes.count
    case .ids(let ids): ids.count
    case .values(let rows): rows.count
    }
  }

  /// Element type, count and width, as the header has them.
  var shape: (ElementType, UInt32, UInt32) {
    switch self {
    case .none: (.none, 0, 0)
    case .text(let bytes): (.text, UInt32(bytes.count), 1)
    case .ids(let ids): (.int32, UInt32(ids.count), 1)
    case .values(let rows): (.float32, UInt32(rows.count), UInt32(rows.first?.count ?? 0))
    }
  }

  var bytes: [UInt8] {
    switch self {
    case .none: []
    case .text(let bytes): bytes
    case .ids(let ids): [UInt8](of: ids)
    case .values(let rows): [UInt8](of: rows.flatMap { $0 })
    }
  }

  /// The elements of a range.
  subscript(range: Range<Int>) -> InputData {
    switch self {
    case .none: .none
    case .text(let bytes): .text(Array(bytes[range]))
    case .ids(let ids): .ids(Array(ids[range]))
    case .values(let rows): .values(Array(rows[range]))
    }
  }
}
