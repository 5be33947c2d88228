import Foundation
import Synchronization

/// How far a long replay is, on a terminal.
final class ReplayProgress: Sendable {
  private let total: Int
  private let isShown: Bool
  private let state = Mutex<(done: Int, shownAt: UInt64)>((0, 0))

  init(total: Int, isShown: Bool) {
    self.total = total
    self.isShown = isShown
  }

  func advance(_ count: Int) {
    guard isShown else { return }
    let line = state.withLock { state -> String? in
      state.done += count
      let now = MonotonicClock.milliseconds
      guard now - state.shownAt >= 200 else { return nil }
      state.shownAt = now
      return "\r\(state.done) answers of \(total) steps"
    }
    if let line { FileHandle.standardError.write(Data(line.utf8)) }
  }

  func finish() {
    if isShown { FileHandle.standardError.write(Data("\r\u{1b}[K".utf8)) }
  }
}
