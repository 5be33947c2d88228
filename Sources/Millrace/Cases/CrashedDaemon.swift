import Foundation
import Glibc
import Synchronization
import UnixSignals

/// A daemon of its own for one case, in a folder of its own, which is killed and started anew.
///
/// With a store in the pipeline file it finds its streams again; without, the client sends them anew.
package final class CrashedDaemon: @unchecked Sendable {  // why: one thread at a time
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  let ingress: String
  private let folder: URL
  private let pipelinePath: String
  private let logPath: String
  private var process: Process?
  /// Its standard input, which ends with this process: so does the daemon.
  private var input: Pipe?
  /// Folders in use, and the processes in them.
  private static let running = Mutex<[String: Int32]>([:])

  /// How long a start may take.
  private static let readyMilliseconds: UInt64 = 60_000

  /// Writes its pipeline file: `file` with endpoints and a store of its own.
  init(_ file: PipelineFile) throws {
    var template = Array(
      "\(FileManager.default.temporaryDirectory.path)/millrace-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw FileFailure("a temporary folder cannot be made: \(String(cString: strerror(errno)))")
    }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    folder = URL(fileURLWithPath: path)
    ingress = "ipc://\(path)/in"
    pipelinePath = "\(path)/pipeline.yaml"
    CrashedDaemon.running.withLock { $0[path] = 0 }
    logPath = "\(path)/log"
    let text = try PipelineCopy(file).text(
      name: "crash", ingress: ingress, store: "\(path)/state.sqlite"
    ) { _, source in URL(fileURLWithPath: source).path }
    try OutputFile.write(Array(text.utf8), to: pipelinePath)
  }

  deinit {
    if let process, process.isRunning { kill(process.processIdentifier, SIGKILL) }
    let known = CrashedDaemon.running.withLock { $0.removeValue(forKey: folder.path) }
    if known != nil { CrashedDaemon.remove(folder.path) }
  }

  private static func remove(_ folder: String) {
    try? FileManager.default.removeItem(atPath: folder)  // why: nothing more can be done here
  }

  /// Has SIGTERM and SIGINT kill all of them and remove their folders, before they end this process.
  package static func endAllWhenInterrupted() async -> Task<Void, Never> {
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    return Task {
      for await signal in signals {
        endAll()
        exit(128 + signal.rawValue)
      }
    }
  }

  private static func endAll() {
    let ended = running.withLock { running in
      defer { running = [:] }
      return running
    }
    for (folder, process) in ended {
      if process > 0 { kill(process, SIGKILL) }
      remove(folder)
    }
  }

  /// Starts it and waits until it is ready.
  func start() throws {
    try OutputFile.write([], to: logPath)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = ["run", pipelinePath, "--until-input-ends"]
    let input = Pipe()
    process.standardInput = input
    process.standardOutput = FileHandle.nullDevice
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: logPath))
    try process.run()
    self.process = process
    self.input = input
    CrashedDaemon.running.withLock { $0[folder.path] = process.processIdentifier }
    let began = MonotonicClock.milliseconds
    while !(try log()).contains("msg=ready") {
      guard process.isRunning, MonotonicClock.milliseconds - began < CrashedDaemon.readyMilliseconds
      else { throw Failure(description: "the daemon for a crash does not start: \(try log())") }
      usleep(2000)
    }
  }

  /// Kills it as a loss of power would, and starts it anew.
  func crash() throws {
    guard let process else { return }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    try start()
  }

  func stop() {
    guard let process, process.isRunning else { return }
    process.terminate()
    process.waitUntilExit()
  }

  private func log() throws -> String {
    try TextFile(readingFrom: logPath, expecting: "the daemon's log").text
  }
}
