/// A safetensors file made by hand, sound or not.
struct SafetensorsText {
  var header: String
  var data: [UInt8]

  /// One F32 tensor of two values.
  static let sound = SafetensorsText(
    header: #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
    data: [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0])

  var bytes: [UInt8] {
    let length = UInt64(header.utf8.count)
    return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(header.utf8) + data
  }
}
