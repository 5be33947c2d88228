import Testing

/// What a fuzzer found is read again: nothing of it may crash a reader, hang it, or give two lines.
struct FuzzedReaderTests {
  @Test(arguments: FuzzedReader.allCases) func everyKeptInputIsReadOrRefused(reader: FuzzedReader)
    throws
  {
    let names = Fixture.members(of: "fuzz/\(reader.rawValue)", prefix: "")
    #expect(names.count >= 5)
    for name in names {
      let bytes = try Fixture.bytes("fuzz/\(reader.rawValue)/\(name)")
      #expect(!reader.read(bytes).isEmpty, "\(name)")
    }
  }
}
