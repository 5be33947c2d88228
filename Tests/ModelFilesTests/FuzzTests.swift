import Testing

@testable import ModelFiles

/// Damaged files give a typed error or a sound model, never a crash.
struct FuzzTests {
  static let files = [
    "golden/k_rnn_tanh_seq/model.keras", "golden/k_rnn_tanh_seq/model.h5",
    "model-files/keras1/model.h5", "model-files/hdf5/deflate.h5",
  ]

  private func load(_ bytes: [UInt8]) -> Bool {
    do {
      _ = try KerasModelFile(content: .memory(bytes), path: "file").load()
      return true
    } catch {
      // Typed throws: it is a ModelFileError. Its text must be sound as well.
      return error.description.contains("\n")
    }
  }

  @Test(arguments: files)
  func everyTruncationIsRefused(file: String) throws {
    let bytes = try Fixture.bytes(file)
    for count in stride(from: 1, to: bytes.count, by: max(1, bytes.count / 97)) {
      #expect(!load(Array(bytes[..<count])), "\(count) of \(bytes.count) bytes")
    }
  }

  @Test(arguments: files)
  func changedBytesDoNotCrash(file: String) throws {
    let bytes = try Fixture.bytes(file)
    var loaded = 0
    for position in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 397)) {
      var changed = bytes
      changed[position] ^= position.isMultiple(of: 2) ? 0xff : 0x01
      if load(changed) { loaded += 1 }
    }
    // The checksums of a zip notice nearly everything; HDF5 has none over its data.
    #expect(loaded < 397)
  }
}
