import CRecurrentKernels

/// The instruction set that models are packed for.
package enum StepKernels {
  /// All there are, the fastest first; `portable` is available everywhere.
  package static let names = ["amx", "avx512_bf16", "avx512", "avx2", "neon", "portable"]

  /// The present choice: that of `MILLRACE_KERNELS`, or the fastest that is available.
  package static var name: String { String(cString: mr_kernels_name()) }

  /// Whether this build and this processor have it.
  package static func isAvailable(_ name: String) -> Bool { mr_kernels_available(name) }

  /// Chooses for the models made from now on.
  ///
  /// - Returns: false if it is unknown or not available; nothing is changed then.
  package static func choose(_ name: String) -> Bool { mr_kernels_choose(name) }

  /// Whether the calling thread flushes denormal numbers to zero, as a library may have told it to:
  /// bits are promised only while it does not.
  package static var flushesDenormals: Bool { mr_denormals_flushed() }
}
