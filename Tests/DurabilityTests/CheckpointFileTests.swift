import Foundation
import Testing

@testable import Durability

/// Checkpoint files: they come back, and nothing else is taken for one.
struct CheckpointFileTests {
  private static let rows = [
    CheckpointFile.Row(name: "state/0/lstm/h", width: 3),
    CheckpointFile.Row(name: "state/1/lstm/c", width: 3),
  ]
  private static let owner = CheckpointFile.Owner(
    model: "sha256:1", precision: "f32", tokenizer: "characters:7", kernels: "avx512")

  private static let file = {
    let standing = StreamStanding(
      life: 9, epoch: 1 << 50, expected: 12, isClosed: false, firstInput: 3, nextStep: 4,
      messages: 5, pendingFlags: 4, sequenceStart: 1, nextAnswer: 3, carry: [1, 2, 255],
      given: [], values: [])
    var checkpoint = StreamCheckpoint(
      life: 9, messages: 5, nextStep: 4, stepsSinceReset: 3, stepsSinceAnswer: 2,
      last: .init(number: 3, id: 2, row: [0.25, 0.75]),
      state: [0.5, -.zero, .leastNonzeroMagnitude, .pi, -1, .infinity])
    checkpoint.errors = [7, 7]
    return CheckpointFile(
      stream: "cam-1", owner: owner,
      snapshot: StreamSnapshot(
        standing: standing, memory: .init(checkpoint: checkpoint, alarm: [1, 9])))
  }()

  private func read(
    _ bytes: [UInt8], for owner: CheckpointFile.Owner = owner
  ) throws -> CheckpointFile {
    try CheckpointFile(reading: bytes, for: owner, rows: Self.rows)
  }

  /// As another daemon has it: a life and messages of its own.
  private var elsewhere: CheckpointFile {
    var file = Self.file
    (file.snapshot.standing.life, file.snapshot.standing.messages) = (0, 0)
    file.snapshot.memory?.checkpoint.life = 0
    file.snapshot.memory?.checkpoint.messages = 0
    return file
  }

  @Test func aFileComesBack() throws {
    let bytes = Self.file.bytes(rows: Self.rows)
    #expect(try read(bytes) == elsewhere)
    // Other tools find the data at a multiple of 8.
    #expect(bytes[0] % 8 == 0)
    var young = elsewhere
    young.snapshot.memory = nil
    young.snapshot.standing.given = [1, 2, 3]
    #expect(try read(young.bytes(rows: Self.rows)) == young)
  }

  /// Behind a swap: what only swaps need is in a file of version 2; all others stay readable for a
  /// daemon of before.
  @Test func aFileOfSwapsComesBack() throws {
    var file = elsewhere
    func version() -> String {
      String(decoding: file.bytes(rows: Self.rows).prefix(2048), as: UTF8.self)
        .contains(#""version":"2""#) ? "2" : "1"
    }
    #expect(version() == "1")
    file.snapshot.memory?.checkpoint.recent = [0, 0, 0, 0, 7, 0, 0, 0]
    #expect(try read(file.bytes(rows: Self.rows)) == file)
    #expect(version() == "2")
    file.snapshot.memory?.checkpoint.isRewarmed = true
    #expect(try read(file.bytes(rows: Self.rows)) == file)
    #expect(try StreamSnapshot(bytes: file.snapshot.bytes) == file.snapshot)
    file.snapshot.memory?.checkpoint.isRewarmed = false
    file.snapshot.memory?.checkpoint.recent = []
    file.snapshot.memory?.checkpoint.last?.model = 0x0123_4567_89AB_CDEF
    #expect(try read(file.bytes(rows: Self.rows)) == file)
    #expect(version() == "2")
  }

  private static let fileOfSwaps = {
    var file = CheckpointFileTests.file
    file.snapshot.memory?.checkpoint.recent = [0, 0, 0, 0, 7, 0, 0, 0]
    file.snapshot.memory?.checkpoint.last?.model = .max
    return file
  }()

  @Test(arguments: [file, fileOfSwaps]) func everyChangedBitIsFound(file: CheckpointFile) {
    let bytes = file.bytes(rows: Self.rows)
    for place in bytes.indices {
      var changed = bytes
      changed[place] ^= 1 << (place % 8)
      #expect(throws: CheckpointFile.Failure.self, "byte \(place)") { try read(changed) }
    }
  }

  @Test func aFileThatIsCutIsFound() {
    let bytes = Self.file.bytes(rows: Self.rows)
    for count in 0..<bytes.count {
      #expect(throws: CheckpointFile.Failure.self, "\(count) bytes") {
        try read(Array(bytes.prefix(count)))
      }
    }
    #expect(throws: CheckpointFile.Failure.self) { try read(bytes + [0]) }
  }

  @Test(arguments: [
    #"{"a":{"dtype":"F32","shape":[9007199254740991],"data_offsets":[0,36028797018963964]}}"#,
    #"{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}}"#,
    #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#,
    #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[2,0]}}"#,
    #"{"a":{"dtype":"U8","shape":[2,2],"data_offsets":[0,4]}}"#,
    #"{"a":{"dtype":"F64","shape":[0],"data_offsets":[0,0]}}"#,
    #"{"__metadata__":{"format":7}}"#, #"{"__metadata__":{"a":{"b":{"c":"d"}}}}"#, "{}", "[]",
  ])
  func aHostileHeaderIsRefused(header: String) {
    var bytes: [UInt8] = []
    withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { bytes.append(contentsOf: $0) }
    #expect(throws: CheckpointFile.Failure.self) { try read(bytes + Array(header.utf8) + [0, 0]) }
  }

  @Test func aHeaderThatClaimsMoreThanThereIsIsRefused() {
    for length in [UInt64.max, 1 << 40, 1 << 20] {
      var bytes: [UInt8] = []
      withUnsafeBytes(of: length.littleEndian) { bytes.append(contentsOf: $0) }
      #expect(throws: CheckpointFile.Failure.self) { try read(bytes + Array("{}".utf8)) }
    }
  }

  @Test func aStreamOfSomethingElseIsRefusedWithBothValues() throws {
    let bytes = Self.file.bytes(rows: Self.rows)
    for (what, change) in [
      ("model", \CheckpointFile.Owner.model), ("precision", \.precision),
      ("tokenizer", \.tokenizer),
    ] as [(String, WritableKeyPath<CheckpointFile.Owner, String>)] {
      var other = Self.owner
      other[keyPath: change] = "another"
      #expect(
        throws: CheckpointFile.Failure.mismatch(
          what: what, file: Self.owner[keyPath: change], here: "another")
      ) { try read(bytes, for: other) }
    }
  }

  /// In f32 and int8 every path gives the same bits.
  @Test(arguments: ["f32", "int8", "bf16"])
  func kernelsCountInBF16Only(precision: String) throws {
    var file = Self.file
    file.owner.precision = precision
    var here = file.owner
    here.kernels = "avx2"
    let bytes = file.bytes(rows: Self.rows)
    guard precision == "bf16" else {
      #expect(try read(bytes, for: here).owner == file.owner)
      return
    }
    #expect(
      throws: CheckpointFile.Failure.mismatch(what: "kernels", file: "avx512", here: "avx2")
    ) { try read(bytes, for: here) }
  }

  @Test func aSnapshotComesBack() throws {
    var snapshot = Self.file.snapshot
    #expect(try StreamSnapshot(bytes: snapshot.bytes) == snapshot)
    snapshot.standing.movedTo = "tcp://10.0.0.7:5550"
    snapshot.standing.isClosed = true
    snapshot.memory = nil
    #expect(try StreamSnapshot(bytes: snapshot.bytes) == snapshot)
  }
}
