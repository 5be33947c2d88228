import CProcess
import Glibc

/// How the kernel schedules the calling thread.
enum ThreadScheduling {
  /// Has the thread stand back behind those that serve streams, and threads that it starts, as those of a
  /// libzmq context.
  ///
  /// They preempt none of the others, and get a tenth of what one of them gets where there is too little.
  ///
  /// - Returns: whether the system allows it; a filter of system calls may not.
  static func stepBack() -> Bool { cprocess_step_back(10) == 0 }

  /// Processor time that the thread has used.
  static var nanoseconds: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}

/// How long the thread that makes it has run, and has waited to run: `/proc/thread-self/schedstat`.
struct RunQueueWait: ~Copyable {
  private let descriptor: Int32

  /// Nil where the kernel does not count it.
  init?() {
    descriptor = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
  }

  deinit { close(descriptor) }

  /// Nanoseconds since the thread began; nil where the kernel does not say.
  func read() -> (ran: UInt64, waited: UInt64)? {
    withUnsafeTemporaryAllocation(byteCount: 96, alignment: 1) { buffer in
      let count = pread(descriptor, buffer.baseAddress, buffer.count, 0)
      guard count > 0 else { return nil }
      let words = buffer[..<count].split(separator: UInt8(ascii: " "))
      guard words.count >= 2, let ran = UInt64(String(decoding: words[0], as: UTF8.self)),
        let waited = UInt64(String(decoding: words[1], as: UTF8.self))
      else { return nil }
      return (ran, waited)
    }
  }
}
