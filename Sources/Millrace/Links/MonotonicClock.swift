import Glibc

/// Time for time-outs: it never jumps, whatever happens to the date.
enum MonotonicClock {
  static var milliseconds: UInt64 { nanoseconds / 1_000_000 }

  static var microseconds: UInt64 { nanoseconds / 1000 }

  static var seconds: Double { Double(nanoseconds) / 1e9 }

  static var nanoseconds: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
