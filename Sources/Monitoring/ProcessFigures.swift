import Foundation
import Glibc

/// What this process uses, from /proc(5).
package struct ProcessFigures: Sendable {
  /// Resident memory.
  package let residentBytes: UInt64
  /// User and system time.
  package let processorSeconds: Double
  package let openDescriptors: Int

  /// Reads them; 0 where /proc does not tell.
  package init() {
    let pages = ProcessFigures.words("/proc/self/statm").dropFirst().first.flatMap { UInt64($0) }
    residentBytes = (pages ?? 0) * UInt64(sysconf(Int32(_SC_PAGESIZE)))
    var usage = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &usage)
    processorSeconds = Double(usage.tv_sec) + Double(usage.tv_nsec) / 1e9
    let folder = "/proc/self/fd"
    do {
      // Reading the folder opens one more.
      openDescriptors = try FileManager.default.contentsOfDirectory(atPath: folder).count - 1
    } catch {
      openDescriptors = 0
    }
  }

  private static func words(_ path: String) -> [Substring] {
    do {
      return try String(contentsOfFile: path, encoding: .utf8).split(separator: " ")
    } catch {
      return []
    }
  }
}

extension MetricsRegistry {
  /// Adds the metrics of the process, under the names that Prometheus' own clients use.
  package func addProcessFigures() {
    gauge("process_resident_memory_bytes", "Resident memory of the daemon.") {
      Double(ProcessFigures().residentBytes)
    }
    counter("process_cpu_seconds_total", "User and system time of the daemon.") {
      ProcessFigures().processorSeconds
    }
    gauge("process_open_fds", "Open file descriptors of the daemon.") {
      Double(ProcessFigures().openDescriptors)
    }
    let start = Date.now.timeIntervalSince1970
    gauge("process_start_time_seconds", "When the daemon was started, in seconds since 1970.") {
      start
    }
  }
}
