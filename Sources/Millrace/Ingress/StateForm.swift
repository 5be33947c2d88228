import Durability
import Recurrence
import Wire

/// What the state of a served model is like: what a stream may be given to begin with in the place of
/// zeros, h and c of every recurrent layer; and all its rows, as checkpoint files name them.
struct StateForm: Sendable, Equatable, Codable {
  /// Room for a message's other parts beside the state and one step.
  private static let otherBytes = 4096

  /// Numbers of h and c.
  let count: Int
  /// Their rows in order: "lstm h 24, lstm c 24".
  let text: String
  /// Those and what other layers keep, in order.
  let rows: [CheckpointFile.Row]

  /// Why a START's state cannot be begun with; nil for one that can, or none.
  func refusal(of message: InboundMessage, stepWidth: Int) -> Refusal? {
    guard !message.ids.isEmpty else { return nil }
    let received = message.ids.count / 4
    let rows = count == 0 ? "the model has no h" : text
    if !message.header.flags.isDisjoint(with: [.reset, .peek]) {
      return Refusal(
        .badHeader, expected: "START without RESET", received: "\(message.header.flags.rawValue)",
        message: "a state is given with START; RESET would zero it")
    }
    guard received == count else {
      return Refusal(
        .badShape, expected: "\(count)", received: "\(received)",
        message: "the given state has \(received) numbers; this pipeline begins with \(count): "
          + rows)
    }
    let byteCount = message.ids.count + stepWidth * 4 + Self.otherBytes
    guard byteCount <= Limits.messageBytes else {
      return Refusal(
        .tooLarge, expected: "\(Limits.messageBytes)", received: "\(byteCount)",
        message: "the given state and a step do not fit one message between stages")
    }
    if let index = [Float](copying: message.ids).firstIndex(where: { !$0.isFinite }) {
      return Refusal(
        .notFinite, expected: "a number", received: "\([Float](copying: message.ids)[index])",
        message: "number \(index) of the given state is not finite (\(rows))")
    }
    return nil
  }
}

extension StateForm {
  init(_ layout: StateLayout) {
    count = layout.recurrentCount
    text = layout.recurrentText
    rows = layout.rows.enumerated().map { index, row in
      CheckpointFile.Row(
        name: "state/\(index)/\(row.layerName)/\(row.kind.name)", width: row.width)
    }
  }
}

extension StateRow.Kind {
  /// As files name it.
  fileprivate var name: String {
    switch self {
    case .h: "h"
    case .c: "c"
    case .past(let steps): "past-\(steps)"
    case .value(let name): name
    }
  }
}
