import Testing

@testable import ModelFiles

/// What is read from a safetensors file, and what is refused.
struct SafetensorsFileTests {
  private func refusal(_ header: String, data: [UInt8] = [UInt8](repeating: 0, count: 16)) -> String
  {
    do {
      let file = try SafetensorsFile(SafetensorsText(header: header, data: data).bytes)
      for name in file.names { _ = try file.tensor(name) }
      return "read"
    } catch {
      return "\(error)"
    }
  }

  @Test func readsValues() throws {
    let file = try SafetensorsFile(SafetensorsText.sound.bytes)
    #expect(try file.tensor("a") == Tensor(name: "a", shape: [2], values: [1, -2]))
    #expect(try file.tensor("b") == nil)
  }

  private static let numbers: [(type: String, data: [UInt8], value: Float)] = [
    ("F64", [0, 0, 0, 0, 0, 0, 0xf8, 0xbf], Float(-1.5)),
    ("F16", [0x01, 0x00], 0x1p-24), ("F16", [0x00, 0x3e], 1.5), ("F16", [0xff, 0xfb], -65504),
    ("F16", [0x00, 0x80], -0.0), ("F16", [0xff, 0x03], 1023 * 0x1p-24),
    ("BF16", [0xc0, 0xbf], -1.5),
  ]

  @Test(arguments: numbers)
  func readsEveryNumberFormat(type: String, data: [UInt8], value: Float) throws {
    let header =
      #"{"a":{"dtype":"\#(type)","shape":[1],"data_offsets":[0,\#(data.count)]}}"#
    let file = try SafetensorsFile(SafetensorsText(header: header, data: data).bytes)
    #expect(try file.tensor("a")?.values.map(\.bitPattern) == [value.bitPattern])
  }

  @Test(arguments: [
    (
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"#
        + #""b":{"dtype":"F32","shape":[3],"data_offsets":[4,16]}}"#, "tensor b overlaps another"
    ),
    (
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"#
        + #""b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}"#, "tensor b leaves a hole"
    ),
    (#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[8,24]}}"#, "tensor a has the data offsets"),
    (#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[16,0]}}"#, "tensor a has the data offsets"),
    (#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[-16,0]}}"#, "tensor a has the data offsets"),
    (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,16]}}"#, "tensor a has 16 bytes for F32"),
    (
      #"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,16]}}"#,
      "tensor a has 16 bytes for F32"
    ),
    (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,16]}}"#, "tensor a has the shape"),
    (#"{"a":{"dtype":"F31","shape":[4],"data_offsets":[0,16]}}"#, "tensor a has the unknown dtype"),
    (#"{"a":{"dtype":"I32","shape":[4],"data_offsets":[0,16]}}"#, "tensor a holds I32, expected"),
    (#"{"a":{"shape":[4],"data_offsets":[0,16]}}"#, "tensor a has no dtype"),
    (#"{"a":7}"#, "tensor a has no dtype"),
    (
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
      "is no whole safetensors file: has 8 bytes that belong to no tensor"
    ),
    (#"{"a":"#, "is no whole safetensors file: its header is not a JSON object"),
  ]) func refusesWhatDoesNotAddUp(header: String, reason: String) {
    let text = refusal(header)
    #expect(text.hasPrefix(reason), "\(text)")
  }

  @Test("fault 28: a weight that is not finite is refused naming the tensor")
  func namesTheTensorThatIsNotFinite() {
    let header = #"{"layer.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#
    #expect(
      refusal(header, data: [0, 0, 0, 0, 0, 0, 0xc0, 0x7f])
        == "tensor layer.weight holds nan at position 1, expected finite numbers of 32 bits; "
        + "save the model again")
    // A double beyond the floats.
    let double = #"{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}"#
    #expect(refusal(double, data: [0, 0, 0, 0, 0, 0, 0xe0, 0x7f]).contains("holds inf"))
  }

  @Test("fault 28: a header that claims the world is refused")
  func aHeaderThatClaimsTheWorldIsRefused() {
    var bytes = SafetensorsText.sound.bytes
    bytes.replaceSubrange(0..<8, with: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
    #expect(!SafetensorsFile.recognizes(bytes))
    #expect(throws: SafetensorsFile.Failure.self) { try SafetensorsFile(bytes) }
    bytes.replaceSubrange(0..<8, with: [0xff, 0, 0, 0, 0, 0, 0, 0])
    #expect(throws: SafetensorsFile.Failure.self) { try SafetensorsFile(bytes) }
    #expect(throws: SafetensorsFile.Failure.self) { try SafetensorsFile([1, 2, 3]) }
  }

  @Test func everyTruncationIsRefused() throws {
    let bytes = try Fixture.bytes("golden/t_lstm/model.safetensors")
    _ = try SafetensorsFile(bytes)
    for count in stride(from: 0, to: bytes.count, by: 13) {
      #expect(throws: SafetensorsFile.Failure.self) { try SafetensorsFile(Array(bytes[..<count])) }
    }
  }
}
