import Foundation
import ONNXProto
import Recurrence
import SwiftProtobuf

/// Reads an ONNX graph whose one input is a stream's rows, or its token ids.
///
/// Every tensor between two operators is either a constant, shape arithmetic included, or rows that
/// pass from layer to layer; which of its axes are the batch, the steps and a row's values is
/// followed from operator to operator. What does not fit this is refused by the operator's name.
struct ONNXModelFile {
  let content: FileBytes
  let path: String
  /// A folder of stored tensors (`.pb`) for inputs of the graph that are weights.
  ///
  /// Nil looks into `test_data_set_0` beside the file, where ONNX' operator tests have them, for the
  /// weights of recurrent operators alone.
  let weightsPath: String?

  /// The versions of ONNX' operators whose meaning is known.
  private static let versions = 7...26
  private static let nodeCountMax = 200_000

  /// Whether the first bytes can be those of a model: its first field is the format's version.
  static func recognizes(_ bytes: [UInt8]) -> Bool {
    bytes.count > 2 && bytes[0] == 0x08 && (1...64).contains(bytes[1])
  }

  func load() throws(ModelFileError) -> ReadModel {
    var (graph, version) = try parsed()
    let (constants, filesBeside) = try constants(&graph)
    var nodes: [ONNXNode] = []
    for node in graph.node { nodes.append(try ONNXNode(node, path: path)) }
    let inputs = graph.input.filter { constants[$0.name] == nil }
    guard let input = inputs.first else {
      throw .unreadable(path: path, reason: "has no input that is not a constant")
    }
    try checkOrder(nodes, known: Set(constants.keys).union(inputs.map(\.name)))
    let needed = try ONNXAnswer(nodes: nodes, outputs: graph.output.map(\.name), path: path)
    var furthest: (rank: Int, error: ModelFileError)?
    // An input's axes have no names: the first reading under which every operator fits is the one.
    for reading in ONNXInput.readings(of: input) {
      var values = constants
      for other in inputs.dropFirst() { values[other.name] = .carriedState(other.name) }
      values[input.name] = .rows(reading.rows)
      var readCount = 0
      do {
        var read = try model(
          needed, values, reading, version: version, name: graph.name, readCount: &readCount)
        read.filesBeside = filesBeside
        return read
      } catch {
        // Of errors at the same operator the one that no other reading could mend says more.
        let rank = 2 * readCount + (Self.isAboutAxes(error) ? 0 : 1)
        if rank > furthest?.rank ?? -1 { furthest = (rank, error) }
      }
    }
    throw furthest?.error
      ?? .unreadable(
        path: path,
        reason: "its input \(input.name) is no tensor of 1 to 4 axes with a known width")
  }

  /// The graph, and the version of its operators; the bytes that it is from are let go.
  private func parsed() throws(ModelFileError) -> (graph: Onnx_GraphProto, version: Int) {
    let bytes = try FileContent.bytes(of: content, path)
    let proto: Onnx_ModelProto
    do {
      proto = try Onnx_ModelProto(serializedBytes: bytes)
    } catch {
      throw .unreadable(path: path, reason: "is no whole ONNX model (\(error)); export it again")
    }
    guard proto.functions.isEmpty else {
      throw .unreadable(
        path: path,
        reason: "has functions of its own (\(proto.functions[0].name)); export it with them inlined"
      )
    }
    let version = try version(proto)
    guard proto.graph.node.count <= Self.nodeCountMax, proto.graph.sparseInitializer.isEmpty else {
      throw .unreadable(path: path, reason: "has too many operators, or sparse weights")
    }
    return (proto.graph, version)
  }

  private static func isAboutAxes(_ error: ModelFileError) -> Bool {
    guard case .unsupported(_, _, let option, _) = error else { return false }
    return option == "layout" || option == "M"
  }

  private func version(_ proto: Onnx_ModelProto) throws(ModelFileError) -> Int {
    let own = proto.opsetImport.filter { ["", "ai.onnx"].contains($0.domain) }
    guard let version = own.first.map({ Int($0.version) }), Self.versions.contains(version) else {
      throw .unreadable(
        path: path,
        reason: "uses version \(own.first?.version ?? 0) of ONNX' operators, expected "
          + "\(Self.versions.lowerBound) to \(Self.versions.upperBound)")
    }
    return version
  }

  // MARK: Constants

  /// Takes the weights out of the graph, so that they are in memory once.
  private func constants(
    _ graph: inout Onnx_GraphProto
  ) throws(ModelFileError) -> (values: [String: ONNXValue], filesBeside: [[UInt8]]) {
    let reader = ONNXTensorReader(path: path)
    var values: [String: ONNXValue] = [:]
    let stored = try storedTensors(graph).sorted { $0.key < $1.key }
    var initializers = graph.initializer
    graph.initializer = []
    while let tensor = initializers.popLast() {
      guard values[tensor.name] == nil else {
        throw .unreadable(path: path, reason: "tensor \(tensor.name) is there twice")
      }
      values[tensor.name] = .constant(try reader.constant(tensor, name: tensor.name))
    }
    for (name, file) in stored {
      values[name] = .constant(
        try ONNXTensorReader(path: file.path).constant(file.tensor, name: name))
    }
    return (values, stored.map(\.value.hash))
  }

  private struct StoredTensor {
    var tensor: Onnx_TensorProto
    var path: String
    /// SHA-256 of the file.
    var hash: [UInt8]
  }

  /// Tensors in files of their own that are inputs of the graph, by their names.
  private func storedTensors(
    _ graph: Onnx_GraphProto
  ) throws(ModelFileError) -> [String: StoredTensor] {
    let known = Set(graph.initializer.map(\.name))
    // The stream's own input is no weight.
    var wanted = Set(graph.input.map(\.name).filter { !known.contains($0) }.dropFirst())
    let folder: String
    if let weightsPath {
      folder = weightsPath
    } else {
      let recurrent = graph.node.filter { ["RNN", "GRU", "LSTM"].contains($0.opType) }
      wanted.formIntersection(
        recurrent.flatMap { node in
          [1, 2, 3, 7].filter(node.input.indices.contains).map { node.input[$0] }
        })
      folder = URL(filePath: path).deletingLastPathComponent()
        .appending(path: "test_data_set_0").path(percentEncoded: false)
      guard !wanted.isEmpty, FileManager.default.fileExists(atPath: folder) else { return [:] }
    }
    var tensors: [String: StoredTensor] = [:]
    for name in try names(in: folder) {
      let file = folder + "/" + name
      let tensor: Onnx_TensorProto
      let bytes = try FileContent.read(file)
      do {
        tensor = try Onnx_TensorProto(serializedBytes: bytes)
      } catch {
        throw .unreadable(path: file, reason: "is no stored tensor (\(error))")
      }
      if wanted.contains(tensor.name) {
        tensors[tensor.name] = StoredTensor(
          tensor: tensor, path: file, hash: SHA256.hash(of: bytes))
      }
    }
    return tensors
  }

  private func names(in folder: String) throws(ModelFileError) -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: folder)
        .filter { $0.hasSuffix(".pb") }.sorted()
    } catch {
      throw .unreadable(path: folder, reason: "is no folder of stored tensors")
    }
  }

  // MARK: The graph

  /// Operators must stand behind what they use: a cycle cannot.
  private func checkOrder(
    _ nodes: [ONNXNode], known: Set<String>
  ) throws(ModelFileError) {
    var known = known
    for node in nodes {
      let used = node.inputs + node.captured
      if let missing = used.first(where: { !$0.isEmpty && !known.contains($0) }) {
        throw node.unsupported(
          nil, "needs \(missing), which nothing before it gives: a cycle or a gap")
      }
      for output in node.outputs where !output.isEmpty {
        guard known.insert(output).inserted else {
          throw node.unsupported(nil, "gives \(output), which is there already")
        }
      }
    }
  }

  private func model(
    _ answer: ONNXAnswer, _ values: [String: ONNXValue], _ reading: ONNXInput, version: Int,
    name: String, readCount: inout Int
  ) throws(ModelFileError) -> ReadModel {
    var graph = ONNXGraph(
      path: path, version: version, batchSize: reading.batchSize, stepCount: reading.stepCount,
      values: values)
    for node in answer.nodes {
      try graph.read(node)
      readCount += 1
    }
    guard case .rows(let rows) = graph.values[answer.output], rows.surplus == 0, rows.padding == 0
    else {
      throw .unreadable(
        path: path, reason: "its output \(answer.output) does not depend on the stream's rows")
    }
    let layers = graph.layers.layers(to: rows.value)
    let input: ModelInput
    if case .embedding(let embedding) = layers.first {
      input = .tokens(vocabulary: embedding.vocabulary)
    } else {
      input = .vectors(width: reading.rows.width)
    }
    do {
      return ReadModel(
        model: try Model(layers: layers, input: input, name: name.isEmpty ? "model" : name),
        conversions: Conversions.ofONNX(layers, loops: graph.loops))
    } catch {
      throw .badModel(path: path, error: error)
    }
  }
}
