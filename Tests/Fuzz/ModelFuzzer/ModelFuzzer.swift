// libFuzzer for the reader that MILLRACE_FUZZ_READER names; the arguments are libFuzzer's own.
import Foundation

private let reader: FuzzedReader = {
  let name = ProcessInfo.processInfo.environment["MILLRACE_FUZZ_READER"] ?? ""
  guard let reader = FuzzedReader(rawValue: name) else {
    let names = FuzzedReader.allCases.map(\.rawValue).joined(separator: ", ")
    fatalError("MILLRACE_FUZZ_READER is \"\(name)\", expected one of \(names)")
  }
  return reader
}()

private typealias Input = @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ testOne: Input
) -> CInt

/// What SwiftPM links as the entry of an executable of this name.
@_cdecl("ModelFuzzer_main")
func modelFuzzerMain(
  _ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> CInt {
  var count = count
  var arguments = arguments
  return runDriver(&count, &arguments) { start, count in
    _ = reader.read(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
  }
}
