import Glibc

/// The terminal of standard input and output, one key at a time; as it was again when this ends.
final class Terminal {
  private var before = termios()
  private var shown: [TopLine] = []
  /// A failed initializer ends with `deinit`, too.
  private var isRaw = false

  /// Nil when standard input or output is no terminal.
  init?() {
    guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1,
      tcgetattr(STDIN_FILENO, &before) == 0
    else { return nil }
    var raw = before
    // Signals stay: ^C ends it.
    raw.c_lflag &= ~tcflag_t(ICANON | ECHO)
    tcsetattr(STDIN_FILENO, TCSANOW, &raw)
    isRaw = true
    // The other screen, without a cursor.
    Terminal.write("\u{1b}[?1049h\u{1b}[?25l\u{1b}[2J")
  }

  deinit {
    guard isRaw else { return }
    Terminal.write("\u{1b}[?25h\u{1b}[?1049l")
    tcsetattr(STDIN_FILENO, TCSANOW, &before)
  }

  var size: (columns: Int, rows: Int) {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
      return (80, 24)
    }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  /// Sends the lines that have changed, so that a slow terminal gets little.
  func show(_ lines: [TopLine]) {
    var text = ""
    if lines.count != shown.count || lines.first?.text.count != shown.first?.text.count {
      text += "\u{1b}[2J"
      shown = []
    }
    for (index, line) in lines.enumerated() where index >= shown.count || shown[index] != line {
      text += "\u{1b}[\(index + 1);1H\(line.coded)\u{1b}[K"
    }
    shown = lines
    if !text.isEmpty { Terminal.write(text) }
  }

  /// The keys that wait.
  func keys() -> [TopKey] {
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = read(STDIN_FILENO, &buffer, buffer.count)
    return count > 0 ? TopKey.keys(in: Array(buffer[..<count])) : []
  }

  private static func write(_ text: String) {
    let bytes = Array(text.utf8)
    var written = 0
    while written < bytes.count {
      let count = bytes[written...].withUnsafeBytes {
        Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count)
      }
      if count < 0, errno == EINTR { continue }
      // A terminal that has gone: the signal for that ends the command.
      guard count > 0 else { return }
      written += count
    }
  }
}
