import CProcess
import Foundation
import Glibc
import Synchronization

/// Reads model files in a short-lived process, so that no file can harm the one that serves.
///
/// libhdf5 crashes, hangs and exhausts memory on hostile files. The child reads the file, within
/// limits, and hands the model over as a `.millrace` file in memory, which our own reader checks.
/// See Docs/decisions/0010.
package enum ReaderProcess {
  /// Of the executable that is started: `model read-apart FILE`.
  package static let verb = "read-apart"
  /// Where the child writes the model.
  package static let descriptor: Int32 = 3

  private static let program = Mutex<String?>(nil)
  /// A model that takes longer to read is refused.
  static let millisecondsMax: Int32 = 300_000
  private static let secondsMax: UInt64 = 240
  private static let messageBytesMax = 4096

  /// From now on `loadModel` starts this executable for files that are not Millrace's own.
  package static func use(_ executable: String) { program.withLock { $0 = executable } }

  /// What to start; nil to read in this process.
  static var executable: String? { program.withLock { $0 } }

  // MARK: The child's side

  /// Bounds the present process by what a file of this size can need.
  ///
  /// A Keras file takes about seven times its size while it is read.
  ///
  /// - Throws: a `ModelFileError` when the system refuses.
  package static func confine(toRead path: String) throws(ModelFileError) {
    let size = try FileContent.open(path).count
    let memory = UInt64(3 << 30) + 12 * UInt64(size)
    let file = UInt64(64 << 20) + 8 * UInt64(size)
    guard cprocess_confine(memory, file, secondsMax) == 0 else {
      throw .unreadable(
        path: path, reason: "its reader cannot be bounded: \(String(cString: strerror(errno)))")
    }
  }

  /// Reads a file in the present process, and writes its model to `descriptor`.
  ///
  /// - Throws: a `ModelFileError`, or an `EncodingError`.
  package static func hand(
    over path: String, layers: String?, weights: String?
  ) throws {
    let loaded = try loadModelHere(at: path, layers: layers, weights: weights)
    let content = try MillraceModelFile.content(
      of: loaded, labels: loaded.labels, answers: loaded.model, hashesData: false)
    let code = content.write(to: descriptor)
    guard code == 0 else {
      throw ModelFileError.unreadable(
        path: path, reason: "its reader cannot write: \(String(cString: strerror(code)))")
    }
  }

  // MARK: The parent's side

  /// Starts the child, waits for it at most `patience` milliseconds, and loads what it hands over.
  static func load(
    _ executable: String, at path: String, layers: String?, weights: String?, forSteppingOnly: Bool,
    patience: Int32 = millisecondsMax
  ) throws(ModelFileError) -> LoadedModel {
    var options = [executable, "model", verb]
    if let layers { options += ["--layers", layers] }
    if let weights { options += ["--weights", weights] }
    options += ["--", path]
    let memory = cprocess_memory_file("model")
    guard memory >= 0 else { throw failure(path, "memory for it", errno) }
    let result: (end: Int32, message: String)
    do {
      result = try run(options, memory: memory, patience, path)
    } catch {
      close(memory)
      throw error
    }
    var information = stat()
    guard fstat(memory, &information) == 0 else {
      let code = errno
      close(memory)
      throw failure(path, "what was read", code)
    }
    let file = OpenFile(descriptor: memory, count: Int(information.st_size))
    try check(result.end, result.message, path)
    return try loaded(file, path, forSteppingOnly: forSteppingOnly)
  }

  private static func loaded(
    _ file: OpenFile, _ path: String, forSteppingOnly: Bool
  ) throws(ModelFileError) -> LoadedModel {
    let tensors: SafetensorsFile
    do {
      tensors = try SafetensorsFile(.file(file))
    } catch {
      throw .unreadable(path: path, reason: "its reader gave what \(error.description)")
    }
    guard
      let own = MillraceModelFile(tensors, path: path, forSteppingOnly: forSteppingOnly)
    else { throw .unreadable(path: path, reason: "its reader gave no model") }
    return try own.loadAsSource()
  }

  /// Turns the child's end, a negative signal or an exit code, into an error unless it went well.
  private static func check(
    _ end: Int32, _ message: String, _ path: String
  ) throws(ModelFileError) {
    switch end {
    case 0: return
    case ..<0:
      let what = end == -SIGXCPU || end == -SIGKILL ? "was stopped" : "crashed"
      throw .unreadable(
        path: path,
        reason: "its reader \(what) (signal \(-end)), and nothing of it was loaded; the file is "
          + "damaged or hostile, or memory is short: save the model again")
    case 66: throw .refused(line: message, isMissing: true)
    default:
      throw message.isEmpty
        ? .unreadable(path: path, reason: "its reader failed without a reason")
        : .refused(line: message, isMissing: false)
    }
  }

  private static func failure(
    _ path: String, _ what: String, _ code: Int32
  ) -> ModelFileError {
    .unreadable(
      path: path,
      reason: "cannot be read apart: no \(what): \(String(cString: strerror(code)))")
  }

  /// Runs the child to its end; its standard error is the message.
  private static func run(
    _ arguments: [String], memory: Int32, _ patience: Int32, _ path: String
  ) throws(ModelFileError) -> (end: Int32, message: String) {
    var ends: [Int32] = [0, 0]
    guard cprocess_pipe(&ends) == 0 else { throw failure(path, "pipe", errno) }
    defer { close(ends[0]) }
    var words = arguments.map { strdup($0) } + [nil]
    defer { words.forEach { free($0) } }
    let child = cprocess_start(&words, memory, ends[1])
    let code = errno
    close(ends[1])
    guard child > 0 else { throw failure(path, "process", code) }
    let message = read(ends[0], of: child, patience)
    return (cprocess_wait(child), message)
  }

  /// What the child says until it ends; kills it when it takes too long.
  private static func read(_ descriptor: Int32, of child: pid_t, _ patience: Int32) -> String {
    let clock = ContinuousClock()
    let end = clock.now + .milliseconds(patience)
    var message: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 1024)
    var isLate = false
    while true {
      var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let left = max(0, Int32((end - clock.now) / .milliseconds(1)))
      let ready = poll(&waiting, 1, isLate ? 1000 : left)
      if ready < 0 && errno == EINTR { continue }
      if ready == 0 {
        if isLate { break }
        isLate = true
        kill(child, SIGKILL)
        continue
      }
      let count = Glibc.read(descriptor, &room, room.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { break }
      if message.count < messageBytesMax { message += room[..<count] }
    }
    while message.last == UInt8(ascii: "\n") { message.removeLast() }
    return String(decoding: message, as: UTF8.self)
  }
}
