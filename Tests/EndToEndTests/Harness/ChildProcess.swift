import Foundation
import Glibc

/// A run of the binary: its input, its output as it comes, its exit code.
///
/// Used by one test. It is killed at the latest when it is given up.
final class ChildProcess {
  let processID: pid_t
  private(set) var output: [UInt8] = []
  private(set) var errors: [UInt8] = []
  private(set) var exitCode: Int32?
  private var input: Int32
  /// Descriptors that are read, -1 once they have ended.
  private var readable: [Int32]

  /// Starts `millrace` with arguments; `variables` are set beside the environment of the tests.
  init(_ arguments: [String], variables: [String: String] = [:]) throws {
    // Sockets, not pipes: writing to one whose reader is gone can be told not to raise SIGPIPE.
    let channels = try (0..<3).map { _ in try ChildProcess.channel() }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (descriptor, channel) in channels.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, channel.theirs, Int32(descriptor))
    }
    var environment = ProcessInfo.processInfo.environment
    // A crash is to end the process, not to start a debugger.
    environment["SWIFT_BACKTRACE"] = "enable=no"
    environment.merge(variables) { _, new in new }
    var words = ([Checkout.millrace] + arguments).map { strdup($0) } + [nil]
    var assignments = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { (words + assignments).forEach { free($0) } }
    var processID: pid_t = 0
    let status = posix_spawn(&processID, Checkout.millrace, &actions, nil, &words, &assignments)
    for channel in channels { close(channel.theirs) }
    self.processID = processID
    input = channels[0].ours
    readable = [channels[1].ours, channels[2].ours]
    guard status == 0 else {
      exitCode = 127
      throw HarnessError.system(call: "posix_spawn \(Checkout.millrace)", code: status)
    }
  }

  deinit {
    if exitCode == nil {
      kill(processID, SIGKILL)
      waitpid(processID, nil, 0)
    }
    for descriptor in readable + [input] where descriptor >= 0 { close(descriptor) }
  }

  /// Two ends that other children do not inherit.
  private static func channel() throws -> (ours: Int32, theirs: Int32) {
    var ends: [Int32] = [-1, -1]
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, type, 0, &ends) == 0 else {
      throw HarnessError.system(call: "socketpair", code: errno)
    }
    return (ends[0], ends[1])
  }

  // MARK: Input

  /// Writes to its standard input; what it no longer reads is thrown away.
  func write(_ bytes: [UInt8]) {
    var written = 0
    while written < bytes.count {
      let count = bytes[written...].withUnsafeBytes {
        send(input, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return }
      written += count
    }
  }

  func closeInput() {
    guard input >= 0 else { return }
    close(input)
    input = -1
  }

  // MARK: Output

  var outputLines: [String] { ChildProcess.lines(output) }
  var errorLines: [String] { ChildProcess.lines(errors) }

  private static func lines(_ bytes: [UInt8]) -> [String] {
    String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  /// Reads until `condition` holds.
  ///
  /// - Throws: `HarnessError` when the process ends or the deadline passes before.
  func read(
    until event: String, deadline: Deadline = .standard, _ condition: (ChildProcess) -> Bool
  ) throws {
    while !condition(self) {
      guard try readSome(deadline) else {
        throw HarnessError.exited(
          waitingFor: event, code: try waitForExit(deadline),
          errors: String(decoding: errors, as: UTF8.self))
      }
      if deadline.hasPassed {
        throw HarnessError.timedOut(
          waitingFor: event, seen: String(decoding: errors.suffix(2000), as: UTF8.self))
      }
    }
  }

  /// Reads all until the process has ended; returns its exit code, 128 and the signal when killed.
  @discardableResult
  func waitForExit(_ deadline: Deadline = .standard) throws -> Int32 {
    if let exitCode { return exitCode }
    while try readSome(deadline) {
      if deadline.hasPassed {
        throw HarnessError.timedOut(
          waitingFor: "exit", seen: String(decoding: errors.suffix(2000), as: UTF8.self))
      }
    }
    var status: Int32 = 0
    while waitpid(processID, &status, 0) < 0, errno == EINTR {}
    let code = status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
    exitCode = code
    return code
  }

  /// Whether it has closed both its outputs, which is when it ends; reads what is there, without
  /// waiting.
  func hasEnded() throws -> Bool {
    while try readSome(Deadline(seconds: 0)) {
      var items = readable.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      if poll(&items, nfds_t(items.count), 0) == 0 { return false }
    }
    return true
  }

  /// Waits for output; false when both ends have been closed, which is when the process ends.
  private func readSome(_ deadline: Deadline) throws -> Bool {
    var items = readable.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    guard readable.contains(where: { $0 >= 0 }) else { return false }
    let count = poll(&items, nfds_t(items.count), deadline.remainingMilliseconds)
    guard count >= 0 || errno == EINTR else {
      throw HarnessError.system(call: "poll", code: errno)
    }
    guard count > 0 else { return true }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    for (index, item) in items.enumerated() where item.fd >= 0 && item.revents != 0 {
      let count = Glibc.read(item.fd, &buffer, buffer.count)
      if count > 0 {
        if index == 0 { output += buffer[..<count] } else { errors += buffer[..<count] }
      } else if count == 0 || errno != EINTR {
        close(item.fd)
        readable[index] = -1
      }
    }
    return true
  }

  // MARK: Process

  func signal(_ number: Int32) { kill(processID, number) }

  /// Resident memory in KiB, from /proc.
  func residentKiB() throws -> Int {
    let status = try String(contentsOfFile: "/proc/\(processID)/status", encoding: .utf8)
    guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
      let value = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        ?? Int(line.filter(\.isNumber))
    else { throw HarnessError.unexpected("no VmRSS of process \(processID)") }
    return value
  }

  /// The names of the process's threads, as `top -H` shows them.
  func threadNames() throws -> Set<String> {
    let tasks = "/proc/\(processID)/task"
    return Set(
      try FileManager.default.contentsOfDirectory(atPath: tasks).map {
        try String(contentsOfFile: "\(tasks)/\($0)/comm", encoding: .utf8).filter { $0 != "\n" }
      })
  }
}

extension ChildProcess {
  /// Runs the binary to its end with `input` on standard input.
  static func run(
    _ arguments: [String], input: [UInt8] = [], variables: [String: String] = [:]
  ) throws -> ChildProcess {
    let process = try ChildProcess(arguments, variables: variables)
    // Input fits the socket's buffer or is read while it is written: answers are few.
    process.write(input)
    process.closeInput()
    try process.waitForExit()
    return process
  }

  static func run(_ arguments: [String], input: String) throws -> ChildProcess {
    try run(arguments, input: Array(input.utf8))
  }
}
