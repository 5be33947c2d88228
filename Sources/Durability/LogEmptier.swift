import Foundation
import GRDB
import Synchronization

/// Puts SQLite's log into its file on a connection and a thread of its own, while commits go on.
///
/// What they add meanwhile is left for the store itself, and little: in WAL mode only the log that is
/// in the file to the last page begins anew (<https://www.sqlite.org/wal.html#ckpt>).
final class LogEmptier: Sendable {
  enum Progress: Int, AtomicRepresentable {
    case idle
    case underWay
    /// What was added meanwhile follows; rows of streams wait, so that it is soon done.
    case closing
    /// All but the newest is in the file.
    case done
  }

  /// Pages of 4 KiB that the store may put into the file while input waits.
  private static let fewFrames = 128
  private static let passesMax = 8

  private let connection: DatabaseQueue
  private let path: String
  /// The file once more, to sync it; -1 once it is closed.
  ///
  /// Closing it lets go of all locks that this process has on it, whoever took them (fcntl(2)).
  private let file: Atomic<Int32>
  private let queue = DispatchQueue(label: "store-log", qos: .utility)
  private let state = Atomic<Progress>(.idle)
  private let trouble = Mutex<StoreError?>(nil)

  /// `path` is the file that the log goes into.
  init(_ connection: DatabaseQueue, path: String) throws {
    self.connection = connection
    self.path = path
    let descriptor = open(path, O_RDWR | O_CLOEXEC)
    file = Atomic(descriptor)
    guard descriptor >= 0 else {
      throw StoreError.cannotOpen(path: path, reason: String(cString: strerror(errno)))
    }
  }

  deinit { closeFile() }

  var progress: Progress { state.load(ordering: .acquiring) }

  /// Begins; `prepare` is called first.
  func begin(_ prepare: @escaping @Sendable () throws -> Void) {
    state.store(.underWay, ordering: .relaxed)
    queue.async { [self] in
      do {
        try prepare()
        try empty()
      } catch let error as StoreError {
        // The system tells a failed sync once: whoever asks again hears that all is well.
        trouble.withLock { $0 = error }
      } catch {
        // SQLite says it again when the store puts the rest into the file.
      }
      state.store(.done, ordering: .releasing)
    }
  }

  /// Goes over the log until little was added while it did.
  private func empty() throws {
    var frames = 0
    for _ in 0..<LogEmptier.passesMax {
      let log = try connection.writeWithoutTransaction { try $0.checkpoint(.passive) }
      guard log.walFrameCount - frames > LogEmptier.fewFrames else { break }
      frames = log.walFrameCount
      state.store(.closing, ordering: .relaxed)
    }
    // SQLite syncs it where the whole log has been put into it, which is left for the store: with
    // little to write then.
    guard fdatasync(file.load(ordering: .relaxed)) == 0 else {
      throw StoreError.failed(
        path: path, reason: "fdatasync: \(String(cString: strerror(errno)))")
    }
  }

  /// A sync that failed: what was handed to the disk may be lost.
  var failure: StoreError? { trouble.withLock(\.self) }

  func reset() { state.store(.idle, ordering: .relaxed) }

  /// Waits until nothing is under way, and ends its connection.
  func finish() {
    queue.sync {}
    // Nothing was changed by this connection.
    try? connection.close()  // why: the process ends or the store is opened anew
  }

  /// Lets go of the file, behind the last connection of this store and before the first of another.
  func closeFile() {
    let descriptor = file.exchange(-1, ordering: .relaxed)
    if descriptor >= 0 { close(descriptor) }
  }
}
