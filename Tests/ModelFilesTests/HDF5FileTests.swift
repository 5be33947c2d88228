import Testing

@testable import ModelFiles

struct HDF5FileTests {
  private static let kernel = "model_weights/dense/dense/kernel:0"

  private func tensor(_ name: String) throws -> Tensor {
    try HDF5File.withFile(Fixture.bytes("model-files/hdf5/\(name).h5")) { file in
      try file.tensor(Self.kernel, name: "kernel")
    }
  }

  @Test(arguments: ["float16", "float64", "int32", "big-endian", "deflate"])
  func readsNumbersOfEveryWidth(name: String) throws {
    #expect(
      try tensor(name) == Tensor(name: "kernel", shape: [2, 3], values: [0, 1, 2, 3, 4, 5]))
    _ = try loadModel(at: Fixture.path("model-files/hdf5/\(name).h5"))
  }

  @Test(arguments: ["soft-link", "external-link", "external-data", "virtual"])
  func followsNothingOutOfTheFile(name: String) throws {
    #expect(throws: HDF5Error.link(object: Self.kernel)) { try tensor(name) }
  }

  @Test func refusesMoreThanTheFileCanHold() throws {
    #expect(throws: HDF5Error.tooLarge(object: Self.kernel, shape: [1 << 20, 1 << 20])) {
      try tensor("huge")
    }
    #expect(throws: HDF5Error.tooLarge(object: Self.kernel, shape: [1 << 13, 1 << 13])) {
      try tensor("bomb")
    }
  }

  @Test func namesWhatIsMissingOrOfAnotherKind() throws {
    #expect(throws: HDF5Error.missing(object: Self.kernel)) { try tensor("absent") }
    #expect(throws: HDF5Error.notNumbers(object: Self.kernel)) { try tensor("text") }
    #expect(throws: HDF5Error.unreadable(object: Self.kernel, reason: "not a dataset")) {
      try tensor("group")
    }
  }

  @Test func readsTextOfFixedAndVariableLength() throws {
    let old = try HDF5File.withFile(Fixture.bytes("model-files/keras1/model.h5")) { file in
      (
        try file.string("keras_version", of: "/"),
        try file.strings("weight_names", of: "model_weights/timedistributed_1"),
        try file.strings("weight_names", of: "model_weights/dropout_1"),
        try file.string("nothing", of: "/")
      )
    }
    #expect(old.0 == "1.2.2")
    #expect(old.1 == ["dense_1_W", "dense_1_b"])
    #expect(old.2 == [])
    #expect(old.3 == nil)
    let new = try HDF5File.withFile(Fixture.bytes("golden/k_rnn_tanh_seq/model.h5")) { file in
      (try file.string("keras_version", of: "/"), try file.members(of: "model_weights"))
    }
    #expect(new.0 == "3.15.1")
    #expect(new.1.contains("top_level_model_weights"))
  }

  /// libhdf5 is not thread-safe; the readers are.
  @Test func manyThreadsMayLoadAtOnce() async throws {
    let path = Fixture.path("golden/k_rnn_tanh_seq/model.h5")
    let counts = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<16 { group.addTask { try loadModel(at: path).model.parameterCount } }
      return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
    }
    #expect(counts.count == 1)
  }
}
