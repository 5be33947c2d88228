import Foundation

/// One stream of the tap `tap/tokenizer/streams/all/`.
struct TopStream: Equatable {
  let name: String
  let steps: UInt64
  let waiting: UInt64
  let worker: Int
  let isOpen: Bool
  /// Steps a second since the last list.
  var rate = 0.0

  /// Reads a list; `seconds` is how long ago `before` was.
  ///
  /// - Throws: a `DecodingError` for what no tokenizer stage sends.
  static func list(
    _ json: some DataProtocol, before: [TopStream], seconds: Double
  ) throws -> (open: Int, streams: [TopStream]) {
    let list = try JSONDecoder().decode(List.self, from: Data(json))
    let known = Dictionary(before.map { ($0.name, $0.steps) }) { _, last in last }
    let streams = list.streams.map { entry in
      var stream = entry.stream
      if let steps = known[stream.name], stream.steps > steps, seconds > 0 {
        stream.rate = Double(stream.steps - steps) / seconds
      }
      return stream
    }
    return (list.open, streams)
  }

  private struct List: Decodable {
    let open: Int
    let streams: [Entry]
  }

  /// `[NAME,steps,answers,worker,1 if open]`.
  private struct Entry: Decodable {
    let stream: TopStream

    init(from decoder: any Decoder) throws {
      var values = try decoder.unkeyedContainer()
      let name = try values.decode(String.self)
      let steps = try values.decode(UInt64.self)
      let answers = try values.decode(UInt64.self)
      stream = TopStream(
        name: name, steps: steps, waiting: steps > answers ? steps - answers : 0,
        worker: try values.decode(Int.self), isOpen: try values.decode(Int.self) == 1)
    }
  }
}
