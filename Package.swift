// swift-tools-version: 6.2
import PackageDescription

let swiftSettings: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
]

// Sockets, batches and streams each belong to one thread, which the tests check with the run-time's
// checks of exclusive access on; in a release build those cost 3 to 5 % of a step.
let hotSettings: [SwiftSetting] =
  swiftSettings + [
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))
  ]

let package = Package(
  name: "millrace",
  products: [
    .executable(name: "millrace", targets: ["MillraceCommand"]),
    // Tests load it under the binary.
    .library(name: "Faults", type: .dynamic, targets: ["CFaults"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
    .package(url: "https://github.com/apple/swift-distributed-tracing", exact: "1.7.3"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", exact: "2.13.0"),
    .package(url: "https://github.com/apple/swift-protobuf", exact: "1.39.0"),
    .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    .package(url: "https://github.com/swhitty/FlyingFox", exact: "0.27.1"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
  ],
  targets: [
    // Debian's libraries. `make setup` installs them.
    .systemLibrary(name: "CZeroMQ"),
    .systemLibrary(name: "CHDF5", pkgConfig: "hdf5"),
    .systemLibrary(name: "CZip", pkgConfig: "libzip"),
    .systemLibrary(name: "CSodium", pkgConfig: "libsodium"),
    .systemLibrary(name: "CXXHash", pkgConfig: "libxxhash"),

    // The step kernels. Their results have the same bits everywhere: nothing may be contracted, and a
    // debug build takes the same optimised code.
    .target(
      name: "CRecurrentKernels",
      cSettings: [.unsafeFlags(["-O3", "-ffp-contract=off"])]),

    // SentencePiece's C++ API in C; Debian's library.
    .target(
      name: "CSentencePiece", linkerSettings: [.linkedLibrary("sentencepiece")]),
    // The process that reads model files, and what else of Linux Swift's Glibc has not.
    .target(name: "CProcess"),

    // Each target may use only those above it.
    .target(name: "ZeroMQ", dependencies: ["CZeroMQ"], swiftSettings: hotSettings),
    .target(name: "Wire", swiftSettings: hotSettings),
    .target(
      name: "Tokenization", dependencies: ["CSentencePiece"], swiftSettings: swiftSettings),
    .target(
      name: "Recurrence", dependencies: ["CRecurrentKernels"], swiftSettings: hotSettings),
    // Generated; see its README.
    .target(
      name: "ONNXProto",
      dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
      exclude: ["README.md", "onnx.proto"]),
    .target(
      name: "ModelFiles",
      dependencies: [
        "CHDF5", "CProcess", "CSodium", "CXXHash", "CZip", "ONNXProto", "Recurrence",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      swiftSettings: swiftSettings),
    .target(
      name: "Durability",
      dependencies: [
        "CXXHash", "Wire", .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "GRDB", package: "GRDB.swift"),
      ],
      swiftSettings: swiftSettings),
    .target(
      name: "Monitoring",
      dependencies: [
        "Wire", "ZeroMQ",
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "FlyingFox", package: "FlyingFox"),
        .product(name: "FlyingSocks", package: "FlyingFox"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "Tracing", package: "swift-distributed-tracing"),
      ],
      resources: [
        .embedInCode("Page/index.html"), .embedInCode("Page/page.css"),
        .embedInCode("Page/page.js"),
      ],
      swiftSettings: hotSettings),
    .target(
      name: "Millrace",
      dependencies: [
        "CProcess", "Durability", "ModelFiles", "Monitoring", "Recurrence", "Tokenization", "Wire",
        "Yams",
        "ZeroMQ",
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "Tracing", package: "swift-distributed-tracing"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ],
      swiftSettings: hotSettings),
    .executableTarget(
      name: "MillraceCommand",
      dependencies: [
        "Millrace", "ModelFiles", "Recurrence", "Tokenization", "Wire", "ZeroMQ",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: swiftSettings),

    // A disk and a clock that fail, between the binary and libc.
    .target(name: "CFaults", path: "Tests/Faults"),
    // `make simulate`: the stages under faults that a seed chooses. No part of the product.
    .target(
      name: "CFaultyDisk", path: "Tests/Simulate/FaultyDisk",
      linkerSettings: [.linkedLibrary("sqlite3")]),
    .executableTarget(
      name: "millrace-simulate",
      dependencies: [
        "CFaultyDisk", "Durability", "Millrace", "ModelFiles", "Recurrence", "Tokenization", "Wire",
        "ZeroMQ",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      path: "Tests/Simulate/Simulate", swiftSettings: swiftSettings),

    .testTarget(name: "ZeroMQTests", dependencies: ["ZeroMQ"], swiftSettings: swiftSettings),
    .testTarget(name: "WireTests", dependencies: ["Wire"], swiftSettings: swiftSettings),
    .testTarget(
      name: "TokenizationTests", dependencies: ["Tokenization"], swiftSettings: swiftSettings),
    .testTarget(
      name: "RecurrenceTests", dependencies: ["CRecurrentKernels", "Recurrence"],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "ModelFilesTests",
      dependencies: [
        "ModelFiles", "ONNXProto", "Recurrence",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "DurabilityTests",
      dependencies: ["CXXHash", "Durability", .product(name: "GRDB", package: "GRDB.swift")],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "MonitoringTests",
      dependencies: ["Monitoring", .product(name: "CoreMetrics", package: "swift-metrics")],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "MillraceTests",
      dependencies: ["Durability", "Millrace", "ModelFiles", "Recurrence", "Tokenization", "Wire"],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "EndToEndTests",
      dependencies: ["MillraceCommand", "ModelFiles", "Recurrence", "Wire", "ZeroMQ"],
      swiftSettings: swiftSettings),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)

// `make bench` alone builds these: they use the package's own API.
if Context.environment["MILLRACE_BENCHMARKS"] != nil {
  package.targets.append(
    .executableTarget(
      name: "EndToEndBenchmark",
      dependencies: [
        "Millrace", "ModelFiles", "Recurrence", "Wire", "ZeroMQ",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      path: "Benchmarks/EndToEnd",
      swiftSettings: swiftSettings))
}

// `make fuzz` alone builds this, with the fuzzer's instrumentation in every module.
if Context.environment["MILLRACE_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(
      name: "Fuzzer",
      dependencies: ["Durability", "Millrace", "ModelFiles", "Recurrence", "Tokenization", "Wire"],
      path: "Tests/Fuzz/Fuzzer",
      swiftSettings: swiftSettings + [.unsafeFlags(["-parse-as-library"])]))
}
