import Foundation
import ONNXProto

/// One operator of a graph: its inputs and outputs by name, and its attributes.
///
/// Each attribute that is read is remembered; one that nobody read is refused, because it may change
/// the numbers.
final class ONNXNode {
  let kind: String
  let inputs: [String]
  let outputs: [String]
  /// Names of the graph around it that a body of this operator uses.
  let captured: [String]
  /// For messages: `'/rnn/LSTM' (LSTM)`.
  let title: String
  let name: String
  private let path: String
  private let attributes: [String: Onnx_AttributeProto]
  private var read: Set<String> = []

  init(_ node: Onnx_NodeProto, path: String) throws(ModelFileError) {
    kind = node.opType
    inputs = node.input
    outputs = node.output
    captured = node.attribute.flatMap { $0.hasG ? Self.captured(by: $0.g) : [] }
    name = node.name.isEmpty ? node.output.first { !$0.isEmpty } ?? node.opType : node.name
    title = "'\(name)' (\(kind))"
    self.path = path
    var attributes: [String: Onnx_AttributeProto] = [:]
    for attribute in node.attribute { attributes[attribute.name] = attribute }
    self.attributes = attributes
    guard ["", "ai.onnx"].contains(node.domain) else {
      throw unsupported(nil, "comes from the domain \(node.domain), expected ONNX' own operators")
    }
    guard attributes.count == node.attribute.count else {
      throw unsupported(nil, "has an attribute twice")
    }
  }

  func unsupported(_ option: String?, _ reason: String) -> ModelFileError {
    .unsupported(path: path, layer: title, option: option, reason: reason)
  }

  func refuseUnread() throws(ModelFileError) {
    guard let key = attributes.keys.sorted().first(where: { !read.contains($0) }) else { return }
    throw unsupported(key, "is an attribute that is not known here")
  }

  func has(_ key: String) -> Bool { attributes[key] != nil }

  private func attribute(_ key: String) -> Onnx_AttributeProto? {
    read.insert(key)
    return attributes[key]
  }

  func integer(_ key: String, default fallback: Int) throws(ModelFileError) -> Int {
    guard let attribute = attribute(key) else { return fallback }
    guard attribute.type == .int else { throw unsupported(key, "is no whole number") }
    return Int(attribute.i)
  }

  func integers(_ key: String) throws(ModelFileError) -> [Int]? {
    guard let attribute = attribute(key) else { return nil }
    guard attribute.type == .ints, attribute.ints.count <= 1 << 16 else {
      throw unsupported(key, "is no list of whole numbers")
    }
    return attribute.ints.map { Int($0) }
  }

  func float(_ key: String, default fallback: Float) throws(ModelFileError) -> Float {
    guard let attribute = attribute(key) else { return fallback }
    guard attribute.type == .float, attribute.f.isFinite else {
      throw unsupported(key, "is no finite number")
    }
    return attribute.f
  }

  func floats(_ key: String) throws(ModelFileError) -> [Float] {
    guard let attribute = attribute(key) else { return [] }
    guard attribute.type == .floats, attribute.floats.allSatisfy(\.isFinite) else {
      throw unsupported(key, "is no list of finite numbers")
    }
    return attribute.floats
  }

  func text(_ key: String, default fallback: String) throws(ModelFileError) -> String {
    guard let attribute = attribute(key) else { return fallback }
    guard attribute.type == .string else { throw unsupported(key, "is no text") }
    return String(decoding: attribute.s, as: UTF8.self)
  }

  func texts(_ key: String) throws(ModelFileError) -> [String]? {
    guard let attribute = attribute(key) else { return nil }
    guard attribute.type == .strings else { throw unsupported(key, "is no list of texts") }
    return attribute.strings.map { String(decoding: $0, as: UTF8.self) }
  }

  /// A graph inside the operator.
  struct Body {
    var inputs: [String]
    var outputs: [String]
    var nodes: [ONNXNode]
    var constants: [Onnx_TensorProto]
  }

  func graph(_ key: String) throws(ModelFileError) -> Body {
    guard let attribute = attribute(key), attribute.hasG, attribute.g.sparseInitializer.isEmpty
    else { throw unsupported(key, "is no graph") }
    var nodes: [ONNXNode] = []
    for node in attribute.g.node { nodes.append(try ONNXNode(node, path: path)) }
    return Body(
      inputs: attribute.g.input.map(\.name), outputs: attribute.g.output.map(\.name),
      nodes: nodes, constants: attribute.g.initializer)
  }

  /// What a graph uses and does not define; graphs inside it may use only what this one does.
  private static func captured(by graph: Onnx_GraphProto) -> [String] {
    var own = Set(graph.input.map(\.name) + graph.initializer.map(\.name))
    var captured: [String] = []
    for node in graph.node {
      captured += node.input.filter { !$0.isEmpty && !own.contains($0) }
      own.formUnion(node.output)
    }
    return captured + graph.output.map(\.name).filter { !own.contains($0) }
  }

  func tensor(_ key: String) throws(ModelFileError) -> ONNXConstant? {
    guard let attribute = attribute(key) else { return nil }
    guard attribute.type == .tensor else { throw unsupported(key, "is no tensor") }
    return try ONNXTensorReader(path: path).constant(attribute.t, name: "\(name), \(key)")
  }

  /// Refuses another value than the one that can be run.
  func require(_ key: String, is expected: Int) throws(ModelFileError) {
    let value = try integer(key, default: expected)
    guard value == expected else { throw unsupported(key, "is \(value), expected \(expected)") }
  }

  /// Reads an attribute that changes no number here.
  func ignore(_ keys: String...) { keys.forEach { read.insert($0) } }
}
