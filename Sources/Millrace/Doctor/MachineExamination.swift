import CProcess
import Foundation

/// Clock, limits and memory of the machine.
struct MachineExamination {
  private static let pageBytes: UInt64 = 4096
  /// Descriptors that a daemon needs besides those of its clients.
  private static let ownDescriptors: UInt64 = 64

  var findings: [Finding] {
    [descriptors, lockedMemory, processors, memory, clock, clockSource]
  }

  // MARK: Limits

  /// The soft and the hard limit of `/proc/self/limits`; nil is unlimited.
  private func limits(_ name: String) -> (soft: UInt64?, hard: UInt64?)? {
    let path = "/proc/self/limits"
    let text = try? String(contentsOfFile: path, encoding: .utf8)  // why: nil is said
    guard let line = text?.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else {
      return nil
    }
    let values = line.dropFirst(name.count).split(separator: " ", omittingEmptySubsequences: true)
    guard values.count >= 2 else { return nil }
    return (UInt64(values[0]), UInt64(values[1]))
  }

  private var descriptors: Finding {
    let check = "open files"
    guard let limits = limits("Max open files") else {
      return .warning(check, "/proc/self/limits cannot be read", "look whether /proc is mounted")
    }
    let found =
      "nofile \(limits.soft.map(String.init) ?? "unlimited") "
      + "(at most \(limits.hard.map(String.init) ?? "unlimited"))"
    let needed = UInt64(Limits.connections) + MachineExamination.ownDescriptors
    guard let soft = limits.soft, soft < needed else { return .ok(check, found) }
    let clients = Int(soft) - Int(MachineExamination.ownDescriptors)
    return .warning(
      check, "\(found): room for about \(max(0, clients)) of \(Limits.connections) clients",
      "ulimit -n \(needed * 2), or LimitNOFILE=\(needed * 2) in the systemd unit")
  }

  /// Nothing is locked but keys, which libsodium does with a page each.
  private var lockedMemory: Finding {
    let check = "locked memory"
    guard let limits = limits("Max locked memory") else {
      return .warning(check, "/proc/self/limits cannot be read", "look whether /proc is mounted")
    }
    let found = "memlock \(limits.soft.map { Quantity.bytes($0) } ?? "unlimited")"
    guard let soft = limits.soft, soft < 16 * MachineExamination.pageBytes else {
      return .ok(check, found)
    }
    return .warning(
      check, found, "secret keys may reach the swap: LimitMEMLOCK=64K in the systemd unit")
  }

  private var processors: Finding {
    let usable = ProcessInfo.processInfo.activeProcessorCount
    let all = ProcessInfo.processInfo.processorCount
    return .ok("processors", usable < all ? "\(usable) of \(all)" : "\(all)")
  }

  private var memory: Finding {
    let check = "memory"
    let fields = MachineExamination.fields(of: "/proc/meminfo")
    guard let total = fields["MemTotal"], let available = fields["MemAvailable"] else {
      return .warning(check, "/proc/meminfo cannot be read", "look whether /proc is mounted")
    }
    let found = "\(Quantity.bytes(available * 1024)) of \(Quantity.bytes(total * 1024)) free"
    guard available * 20 > total else {
      return .warning(check, found, "less than a twentieth is free: stop something, or add memory")
    }
    return .ok(check, found)
  }

  /// `Name:  12 kB`, line by line.
  static func fields(of path: String) -> [String: UInt64] {
    let found = try? String(contentsOfFile: path, encoding: .utf8)  // why: nothing is said
    guard let text = found else { return [:] }
    var fields: [String: UInt64] = [:]
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: " ", omittingEmptySubsequences: true)
      guard parts.count > 1, parts[0].hasSuffix(":"), let value = UInt64(parts[1]) else { continue }
      fields[String(parts[0].dropLast())] = value
    }
    return fields
  }

  // MARK: Clock

  /// Epochs of clients come from the clock: one that goes back would have them fenced.
  private var clock: Finding {
    let check = "clock"
    let now = Date.now
    let found = now.formatted(.iso8601)
    guard now.timeIntervalSince1970 > 1_700_000_000 else {
      return .problem(
        check, "\(found), which is before this software was written",
        "set the clock: clients' epochs come from it, and lower ones are fenced")
    }
    switch cprocess_clock_is_synchronised() {
    case 1: return .ok(check, "\(found), synchronised")
    case 0:
      return .warning(
        check, "\(found), not synchronised",
        "run chrony or systemd-timesyncd: a clock that is set back has clients fenced")
    default: return .ok(check, "\(found); whether it is synchronised is not told")
    }
  }

  private var clockSource: Finding {
    let check = "clock source"
    let path = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
    let source =
      (try? String(contentsOfFile: path, encoding: .utf8))?  // why: nil is said
      .trimmingCharacters(in: .whitespacesAndNewlines) ?? "unknown"
    let count: UInt64 = 20_000
    let began = MonotonicClock.nanoseconds
    for _ in 0..<count { _ = MonotonicClock.nanoseconds }
    let nanoseconds = (MonotonicClock.nanoseconds - began) / count
    let found = "\(source), \(nanoseconds) ns to read"
    guard nanoseconds < 1000 else {
      return .warning(
        check, found, "the clock is read several times a message: boot with clocksource=tsc")
    }
    return .ok(check, found)
  }
}
