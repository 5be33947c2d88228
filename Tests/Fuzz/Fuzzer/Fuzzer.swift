// libFuzzer for the reader that MILLRACE_FUZZ_READER names; the arguments are libFuzzer's own.
import Foundation

private let read: @Sendable ([UInt8]) -> String = {
  let name = ProcessInfo.processInfo.environment["MILLRACE_FUZZ_READER"] ?? ""
  if let reader = FuzzedReader(rawValue: name) { return reader.read }
  if let input = FuzzedInput(rawValue: name) { return input.read }
  let names = FuzzedReader.allCases.map(\.rawValue) + FuzzedInput.allCases.map(\.rawValue)
  fatalError(
    "MILLRACE_FUZZ_READER is \"\(name)\", expected one of \(names.joined(separator: ", "))")
}()

private typealias Input = @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ testOne: Input
) -> CInt

/// What SwiftPM links as the entry of an executable of this name.
@_cdecl("Fuzzer_main")
func fuzzerMain(
  _ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> CInt {
  var count = count
  var arguments = arguments
  return runDriver(&count, &arguments) { start, count in
    _ = read(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
  }
}
