import Wire

/// A line as it was sent, kept until it is acknowledged.
struct SentLine {
  let header: Header
  let line: InputLine
}
