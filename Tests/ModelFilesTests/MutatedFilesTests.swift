import Foundation
import ONNXProto
import Recurrence
import Testing

@testable import ModelFiles

/// Ten damaged copies of every model file under Fixtures: each is refused in one line, or gives the
/// right numbers.
///
/// Formats with checksums (`.keras`, `.millrace`) are changed anywhere, `.safetensors` in its header
/// (its weights have no checksum) unless its layers file names its hash, and none may give other
/// numbers. In `.h5` and `.onnx` nothing tells a changed weight, option or address from a sound one: a
/// changed copy may be another model, which a pipeline file's `sha256` refuses. These are counted, and
/// must stay few.
struct MutatedFilesTests {
  private static let copies = 10

  /// What became of the copies.
  private struct Outcome {
    var refused = 0
    var same = 0
    var other: [UInt64] = []
  }

  private static func files(_ suffix: String) -> [String] {
    MillraceModelFileTests.files.filter { $0.hasSuffix(suffix) }
  }

  private func layers(_ file: String) -> String? {
    let folder = file.split(separator: "/").dropLast().joined(separator: "/")
    let stem = file.replacing(".safetensors", with: "")
    let places = ["\(stem).layers.json", "\(folder)/case.json"]
    guard file.hasSuffix(".safetensors") else { return nil }
    return places.map(Fixture.path).first { FileManager.default.fileExists(atPath: $0) }
  }

  private func answers(_ bytes: [UInt8], _ suffix: String, _ layers: String?) throws -> [UInt32]? {
    let scratch = try ScratchFile(bytes, suffix: suffix)
    do {
      let model = try loadModel(at: scratch.path, layers: layers).model
      return MillraceModelFile.answers(of: model, to: MillraceModelFile.probeInputs(for: model))?
        .map(\.bitPattern)
    } catch {
      let text = "\(error)"
      #expect(!text.contains("\n"), "\(text)")
      #expect(text.utf8.count < 2000, "\(text)")
      return nil
    }
  }

  /// The parts of an ONNX file around its tensors' values; the first half of others, where HDF5's own
  /// structures are.
  private func structure(of bytes: [UInt8], _ suffix: String) throws -> [Range<Int>] {
    guard suffix == ".onnx" else { return [0..<bytes.count / 2] }
    let proto = try Onnx_ModelProto(serializedBytes: bytes)
    var parts: [Range<Int>] = []
    var start = 0
    for tensor in proto.graph.initializer where tensor.rawData.count >= 16 {
      let values = [UInt8](tensor.rawData)
      guard let found = bytes[start...].firstRange(of: values) else { continue }
      if found.lowerBound > start { parts.append(start..<found.lowerBound) }
      start = found.upperBound
    }
    parts.append(start..<bytes.count)
    return parts.filter { $0.count > 4 }
  }

  private func outcome(
    of sound: [UInt8], _ suffix: String, layers: String?, within parts: [Range<Int>], seed: UInt64
  ) throws -> Outcome {
    let right = try #require(try answers(sound, suffix, layers))
    var outcome = Outcome()
    for copy in 0..<UInt64(Self.copies) {
      var mutation = Mutation(seed: seed &* 1000 &+ copy)
      let changed = mutation.changed(sound, within: parts[Int(copy) % parts.count])
      switch try answers(changed, suffix, layers) {
      case nil: outcome.refused += 1
      case right: outcome.same += 1
      default: outcome.other.append(seed &* 1000 &+ copy)
      }
    }
    return outcome
  }

  /// The same numbers in every run, others for every file.
  private func seed(_ file: String) -> UInt64 {
    file.utf8.reduce(7) { ($0 &* 31 &+ UInt64($1)) & 0xffff_ffff }
  }

  @Test(arguments: files(".keras")) func kerasIsRefusedOrRight(file: String) throws {
    let bytes = try Fixture.bytes(file)
    let outcome = try outcome(
      of: bytes, ".keras", layers: nil, within: [bytes.indices], seed: seed(file))
    #expect(outcome.other.isEmpty, "seeds \(outcome.other)")
  }

  @Test(arguments: files(".keras")) func millraceIsRefusedOrRight(file: String) throws {
    let loaded = try loadModel(at: Fixture.path(file))
    let bytes = try MillraceModelFile.content(of: loaded, labels: nil).bytes
    let outcome = try outcome(
      of: bytes, ".millrace", layers: nil, within: [bytes.indices], seed: seed(file))
    #expect(outcome.other.isEmpty, "seeds \(outcome.other)")
  }

  @Test(arguments: files(".safetensors")) func safetensorsIsRefusedOrRight(file: String) throws {
    let bytes = try Fixture.bytes(file)
    let layers = layers(file)
    // A case.json names the hash of its weights: they may be changed anywhere.
    let isPinned = layers?.hasSuffix("case.json") ?? false
    let changed = isPinned ? bytes.indices : 0..<(try SafetensorsFile(bytes).dataOffset)
    let outcome = try outcome(
      of: bytes, ".safetensors", layers: layers, within: [changed], seed: seed(file))
    #expect(outcome.other.isEmpty, "seeds \(outcome.other)")
    if isPinned { #expect(outcome.refused == Self.copies) }
  }

  @Test(arguments: [".h5", ".onnx"]) func otherwiseFewAreOtherModels(suffix: String) throws {
    var total = Outcome()
    for file in Self.files(suffix) {
      let bytes = try Fixture.bytes(file)
      let path = Fixture.path(file)
      let beside = [path.replacing(".weights.h5", with: ".json"), path].first {
        $0.hasSuffix(".json") && FileManager.default.fileExists(atPath: $0)
      }
      guard try answers(bytes, suffix, beside) != nil else { continue }
      let outcome = try outcome(
        of: bytes, suffix, layers: beside, within: structure(of: bytes, suffix), seed: seed(file))
      total.refused += outcome.refused
      total.same += outcome.same
      total.other += outcome.other
    }
    let all = total.refused + total.same + total.other.count
    #expect(all >= 100)
    #expect(
      total.other.count * 20 <= all,
      "\(suffix): \(total.refused) refused, \(total.same) right, \(total.other.count) others")
    print("\(suffix): \(total.refused) refused, \(total.same) right, \(total.other.count) others")
  }
}
