import Yams

/// A pipeline file's text with other file names and endpoints: the same answers somewhere else.
struct PipelineCopy {
  private let file: PipelineFile

  init(_ file: PipelineFile) { self.file = file }

  /// Writes the copy; its endpoints, taps and outputs are left out.
  ///
  /// - Parameters:
  ///   - name: of the copy.
  ///   - ingress: where its clients connect; nil for the default.
  ///   - store: where it keeps its state, where the original keeps it anywhere.
  ///   - place: where a file is that a key names, for the copy.
  /// - Returns: YAML, without the comments.
  /// - Throws: what `place` throws, or a `TextFile.Failure` where the original has gone.
  func text(
    name: String, ingress: String?, store: String?,
    place: (_ keys: [String], _ source: String) throws -> String
  ) throws -> String {
    let text = try TextFile(readingFrom: file.path, expecting: "a pipeline file").text
    guard var top = try Yams.compose(yaml: text) else {
      throw ConfigurationError(file: file.path, message: "the file is empty")
    }
    top = top.without([
      "ingress", "monitor", "control", "http", "traces", "links", "allow-plaintext",
    ])
    top["name"] = Node(name)
    if let ingress { top["ingress"] = Node(ingress) }
    // What is left of the sink changes answers or alarms.
    if let sink = top["sink"]?.without(["publish", "format", "file", "reply", "values"]) {
      top = top.without(["sink"])
      if sink.mapping?.isEmpty == false { top["sink"] = sink }
    }
    if var state = top["state"], state["store"] != nil {
      if let store {
        state["store"] = Node(store)
      } else {
        state = state.without([
          "store", "durability", "checkpoint", "park-after", "history", "other-kernels",
        ])
      }
      top = top.without(["state"])
      if state.mapping?.isEmpty == false { top["state"] = state }
    }
    for (keys, source) in namedFiles {
      guard let source else { continue }
      if keys.count == 1 {
        top[keys[0]] = Node(try place(keys, source))
      } else if var section = top[keys[0]], section[keys[1]]?.scalar != nil {
        section[keys[1]] = Node(try place(keys, source))
        top[keys[0]] = section
      }
    }
    return try Yams.serialize(node: top, sortKeys: false)
  }

  /// The keys that name files, and what they name.
  private var namedFiles: [([String], String?)] {
    [
      (["model"], file.model), (["labels"], file.labels),
      (["decoder", "model"], file.decoder?.model),
      (["decoder", "vocabulary"], file.decoder?.vocabularyFile),
      (["tokenizer", "file"], file.tokenizer.file),
      (["tokenizer", "vocabulary"], file.tokenizer.vocabularyFile),
      (["tokenizer", "scaling"], file.tokenizer.scalingFile),
      (["output", "scaling"], file.output?.scalingFile),
    ]
  }
}

extension Node {
  /// A mapping without some of its keys.
  fileprivate func without(_ keys: [String]) -> Node {
    guard let mapping else { return self }
    return Node(mapping.filter { !keys.contains($0.key.string ?? "") }.map { ($0.key, $0.value) })
  }
}
