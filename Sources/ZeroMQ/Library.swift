import CZeroMQ

/// The libzmq that this process runs with.
package enum Library {
  /// Major, minor and patch (zmq_version(3)).
  package static var version: [Int] {
    var major: Int32 = 0, minor: Int32 = 0, patch: Int32 = 0
    zmq_version(&major, &minor, &patch)
    return [Int(major), Int(minor), Int(patch)]
  }

  /// Whether it was built with a feature: `ipc`, `curve`, `draft` (zmq_has(3)).
  package static func has(_ feature: String) -> Bool { zmq_has(feature) == 1 }
}
