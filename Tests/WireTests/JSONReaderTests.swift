import Testing
import Wire

struct JSONReaderTests {
  private func read<Value>(
    _ text: String, _ body: (inout JSONReader) throws(JSONError) -> Value
  ) throws -> Value {
    try Array(text.utf8).withUnsafeBytes { bytes in
      var reader = JSONReader(bytes)
      let value = try body(&reader)
      try reader.finish()
      return value
    }
  }

  @Test(arguments: [
    ("\"\"", ""), ("\"a\\n\\t\\\"\\\\\\/\"", "a\n\t\"\\/"), ("\"\\ud55c\\uAE00\"", "한글"),
    ("\"\\ud83d\\ude00\"", "😀"), (" \"한글\" ", "한글"),
  ])
  func readsStrings(text: String, value: String) throws {
    #expect(try read(text) { (reader) throws(JSONError) in try reader.string() } == value)
  }

  @Test(arguments: [
    "\"", "\"\\x\"", "\"\\ud83d\"", "\"\\ud83dx\"", "\"\\u12\"", "\"a\u{1}\"", "a", "\"a\" b",
  ])
  func refusesStrings(text: String) {
    #expect(throws: JSONError.self) {
      try read(text) { (reader) throws(JSONError) in try reader.string() }
    }
  }

  @Test(
    arguments: [
      ("0", 0), ("-0", -0.0), ("1e5", 1e5), ("1.5E-3", 1.5e-3), ("0.1", 0.1),
      ("16777217", 16_777_216),
      ("3.4028235e38", Float.greatestFiniteMagnitude),
      ("1e-45", Float.leastNonzeroMagnitude),
    ] as [(String, Float)])
  func readsNumbersRoundedOnce(text: String, value: Float) throws {
    let read = try read(text) { (reader) throws(JSONError) in try reader.float() }
    #expect(read.bitPattern == value.bitPattern)
  }

  @Test(arguments: ["", "1.", ".5", "+1", "inf", "nan", "0x10", "1e", "--1", "1,"])
  func refusesNumbers(text: String) {
    #expect(throws: JSONError.self) {
      try read(text) { (reader) throws(JSONError) in try reader.float() }
    }
  }

  @Test(arguments: ["-1", "01", "1.0", "1e2", "9007199254740992", "x"])
  func refusesIntegers(text: String) {
    #expect(throws: JSONError.self) {
      try read(text) { (reader) throws(JSONError) in try reader.unsignedInteger() }
    }
  }

  @Test func refusesAKeyThatStandsTwice() {
    #expect(throws: JSONError.self) {
      try read("{\"a\":1,\"a\":2}") { (reader) throws(JSONError) in try reader.skip() }
    }
  }

  /// Of very many keys the first, the last of the list and later ones are all remembered.
  @Test(arguments: [0, 15, 16, 4000]) func refusesOneOfManyKeysThatStandsTwice(index: Int) {
    let keys = (0..<5000).map { "\"k\($0)\":1" }.joined(separator: ",")
    #expect(throws: Never.self) {
      try read("{\(keys)}") { (reader) throws(JSONError) in try reader.skip() }
    }
    #expect(throws: JSONError.self) {
      try read("{\(keys),\"k\(index)\":1}") { (reader) throws(JSONError) in try reader.skip() }
    }
  }

  @Test func boundsDepth() throws {
    try read("[[[[1]]]]") { (reader) throws(JSONError) in try reader.skip() }
    #expect(throws: JSONError.self) {
      try read("[[[[[1]]]]]") { (reader) throws(JSONError) in try reader.skip() }
    }
  }

  @Test func writesWhatItReads() throws {
    let text = "a\"\\\u{8}\u{c}\n\r\t\u{1}한😀"
    var bytes: [UInt8] = []
    JSONText.append(text, to: &bytes)
    let written = String(decoding: bytes, as: UTF8.self)
    #expect(try read(written) { (reader) throws(JSONError) in try reader.string() } == text)
    var number: [UInt8] = []
    JSONText.append(Float.nan, to: &number)
    #expect(String(decoding: number, as: UTF8.self) == "null")
  }

  @Test func controlPayloadsReadBack() throws {
    var hello = Hello(streams: ["b": 5], epoch: 9)
    hello.streams.updateValue(nil, forKey: "cam-1")
    #expect(try hello.bytes.withUnsafeBytes { try Hello(payload: $0) } == hello)
    let welcome = Welcome(
      streams: [
        "cam-1": Welcome.Stream(expected: 57, closed: false, answers: 40),
        "x": Welcome.Stream(expected: nil, closed: true, answers: 0),
      ],
      credit: 1024, maximumBytes: 1 << 20, model: "sha256:00")
    #expect(try welcome.bytes.withUnsafeBytes { try Welcome(payload: $0) } == welcome)
    let refusal = Refusal(.gap, expected: "7", received: "9", message: "send again from 7")
    #expect(try refusal.bytes.withUnsafeBytes { try Refusal(payload: $0) } == refusal)
    #expect(String(decoding: refusal.bytes, as: UTF8.self).contains("\"expected\":7"))
    var credit = Credit(total: 3)
    #expect(credit.bytes == Array("{\"credit\":3}".utf8))
    #expect(try credit.bytes.withUnsafeBytes { try Credit(payload: $0) } == credit)
    (credit.isCached, credit.isClosed) = (false, true)
    #expect(credit.bytes == Array("{\"credit\":3,\"cached\":false,\"closed\":true}".utf8))
    #expect(try credit.bytes.withUnsafeBytes { try Credit(payload: $0) } == credit)
  }

  @Test("fault 36: stream names keep to their alphabet")
  func streamNamesKeepToTheirAlphabet() {
    #expect(StreamID("cam-1:a@b_c.D") != nil)
    #expect(StreamID(String(repeating: "a", count: 128)) != nil)
    for name in ["", "a/b", "a b", "é", String(repeating: "a", count: 129), "a\0"] {
      #expect(StreamID(name) == nil, "\(name)")
    }
  }
}
