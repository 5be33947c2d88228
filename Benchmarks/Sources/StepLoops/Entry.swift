import CStepLoops
import Glibc

// What the script calls, in C's words.

/// As `loop_make`, through the Swift API; nil, with the reason on the standard error, if the model
/// cannot be made.
@_cdecl("swift_loop_make")
package func makeLoop(_ job: UnsafePointer<loop_job>) -> UnsafeMutableRawPointer? {
  do {
    return Unmanaged.passRetained(try SwiftLoop(job.pointee)).toOpaque()
  } catch {
    var text = "the Swift API refuses the job: \(error)\n"
    _ = text.withUTF8 { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    return nil
  }
}

/// As `loop_run`.
@_cdecl("swift_loop_run")
package func runLoop(_ loop: UnsafeMutableRawPointer, _ times: Int32) -> Double {
  Unmanaged<SwiftLoop>.fromOpaque(loop).takeUnretainedValue().run(Int(times))
}

/// Copies the last layer's h of a stream.
@_cdecl("swift_loop_answer")
package func copyAnswer(
  _ loop: UnsafeMutableRawPointer, _ stream: Int32, _ target: UnsafeMutablePointer<Float>
) {
  Unmanaged<SwiftLoop>.fromOpaque(loop).takeUnretainedValue()
    .copyAnswer(Int(stream), to: target)
}

@_cdecl("swift_loop_free")
package func freeLoop(_ loop: UnsafeMutableRawPointer) {
  Unmanaged<SwiftLoop>.fromOpaque(loop).release()
}
