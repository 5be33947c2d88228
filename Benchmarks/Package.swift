// swift-tools-version: 6.2
// The loops that the benchmarks time: our kernels bare and through the Swift API, in one library that a script loads.
// The sources of the two targets are those of the main package, linked, so that `package` access reaches them.
import PackageDescription

let swiftSettings: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
]

// As in the package whose sources these are.
let hotSettings: [SwiftSetting] =
  swiftSettings + [.unsafeFlags(["-enforce-exclusivity=unchecked"])]

let package = Package(
  name: "benchmarks",
  products: [.library(name: "StepLoops", type: .dynamic, targets: ["StepLoops"])],
  targets: [
    .target(
      name: "CRecurrentKernels",
      cSettings: [.unsafeFlags(["-O3", "-ffp-contract=off"])]),
    .target(name: "CStepLoops", dependencies: ["CRecurrentKernels"]),
    .target(
      name: "Recurrence", dependencies: ["CRecurrentKernels"], swiftSettings: hotSettings),
    .target(
      name: "StepLoops", dependencies: ["CStepLoops", "Recurrence"], swiftSettings: hotSettings),
  ],
  swiftLanguageModes: [.v6]
)
