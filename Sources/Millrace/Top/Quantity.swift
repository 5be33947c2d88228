import Foundation

/// Numbers in few columns, for people.
enum Quantity {
  static func amount(_ value: Double) -> String {
    switch abs(value) {
    case 1e9...: String(format: "%.3gG", value / 1e9)
    case 1e6...: String(format: "%.3gM", value / 1e6)
    case 1e4...: String(format: "%.1fk", value / 1e3)
    case 100...: String(format: "%.0f", value)
    default:
      value == value.rounded() ? String(format: "%.0f", value) : String(format: "%.3g", value)
    }
  }

  static func amount(_ value: UInt64) -> String { amount(Double(value)) }

  static func duration(microseconds: Double?) -> String {
    guard let value = microseconds else { return "-" }
    return switch value {
    case ..<1000: String(format: "%.3gus", value)
    case ..<1e6: String(format: "%.3gms", value / 1e3)
    default: String(format: "%.3gs", value / 1e6)
    }
  }

  static func bytes(_ value: UInt64) -> String {
    value < 1 << 16
      ? "\(value)B"
      : value >= 1 << 30
        ? String(format: "%.2fGiB", Double(value) / Double(1 << 30))
        : String(format: "%.1fMiB", Double(value) / Double(1 << 20))
  }
}
