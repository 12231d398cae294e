// swift-tools-version: 6.2
// Copyright 2026 the adapterd authors. SPDX-License-Identifier: Apache-2.0
//
// A target a stage, in the order in which an adapter passes through them; each may import only what stands
// above it. `adapterd` parses arguments and wires the stages, nothing else.

import PackageDescription

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

let package = Package(
  name: "adapterd",
  products: [
    .executable(name: "adapterd", targets: ["adapterd"]),
    // For tests: LD_PRELOAD needs a file of its own.
    .library(name: "WallClock", type: .dynamic, targets: ["WallClock"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
    .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    // MARK: C and the kernel

    .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
    .systemLibrary(name: "CLinux"),
    .target(name: "Kernel", dependencies: ["CLinux", system], swiftSettings: strict),
    .testTarget(name: "KernelTests", dependencies: ["Kernel", "TestSupport"], swiftSettings: strict),

    // MARK: Watching

    .target(name: "Watching", dependencies: ["Kernel", system], swiftSettings: strict),
    .testTarget(name: "WatchingTests", dependencies: ["Watching", "TestSupport"], swiftSettings: strict),

    // MARK: Adapters

    .target(name: "Adapters", dependencies: ["Kernel", system], swiftSettings: strict),
    .testTarget(
      name: "AdaptersTests", dependencies: ["Adapters", "Kernel", "TestSupport", "TrainingReplay", system],
      swiftSettings: strict),

    // MARK: DownloadTracking

    .target(
      name: "DownloadTracking", resources: [.embedInCode("Resources/count-downloads.json")], swiftSettings: strict),
    .testTarget(
      name: "DownloadTrackingTests", dependencies: ["DownloadTracking", "TestSupport"], swiftSettings: strict),

    // MARK: Bundles

    .target(
      name: "Bundles",
      dependencies: [
        "Adapters", "DownloadTracking", "Kernel", "Yams",
        .product(name: "Mustache", package: "swift-mustache"), crypto, system,
      ],
      swiftSettings: strict),
    .testTarget(
      name: "BundlesTests", dependencies: ["Adapters", "Bundles", "DownloadTracking", "Kernel", "TestSupport", system],
      swiftSettings: strict),

    // MARK: Hub

    .target(
      name: "Hub",
      dependencies: [
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "NIOTLS", package: "swift-nio"),
        .product(name: "NIOFoundationCompat", package: "swift-nio"),
        "Kernel", logging, system,
      ], swiftSettings: strict),
    .testTarget(
      name: "HubTests",
      dependencies: [
        "Hub", "Kernel", "TestHub", "TestSupport", crypto, logging, system,
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "SwiftASN1", package: "swift-asn1"), .product(name: "X509", package: "swift-certificates"),
      ],
      exclude: ["real_client.py"], swiftSettings: strict),

    // MARK: Publishing

    .target(
      name: "Publishing",
      dependencies: [
        "Bundles", "Hub", "Kernel", .product(name: "GRDB", package: "GRDB.swift"), crypto, logging, system,
      ],
      swiftSettings: strict),
    .testTarget(
      name: "PublishingTests",
      dependencies: [
        "Adapters", "Bundles", "Hub", "Kernel", "Publishing", "TestHub", "TestSupport", logging, system,
      ],
      swiftSettings: strict),

    // MARK: Reports

    .target(name: "Reports", dependencies: ["CSystemd", "Kernel", logging, system], swiftSettings: strict),
    .testTarget(
      name: "ReportsTests", dependencies: ["Reports", "Kernel", "TestSupport", logging, system], swiftSettings: strict),

    // MARK: the daemon

    .target(
      name: "AdapterDaemon",
      dependencies: [
        "Watching", "Adapters", "DownloadTracking", "Bundles", "Hub", "Publishing", "Reports", "Kernel", "TOMLKit",
        .product(name: "UnixSignals", package: "swift-service-lifecycle"), lifecycle, logging, system,
      ], swiftSettings: strict),
    .testTarget(
      name: "AdapterDaemonTests",
      dependencies: ["AdapterDaemon", "Adapters", "Bundles", "Publishing", "TestSupport", system],
      swiftSettings: strict),
    .executableTarget(
      name: "adapterd",
      dependencies: [
        "AdapterDaemon", "Adapters", "Bundles", "DownloadTracking", "Publishing", "Reports", "Kernel", "CLinux",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"), lifecycle, logging, system,
      ], swiftSettings: strict),

    // MARK: for the demo and the tests

    .target(name: "TrainingReplay", dependencies: [system], swiftSettings: strict),
    .testTarget(
      name: "TrainingReplayTests", dependencies: ["TrainingReplay", "TestSupport", "Kernel", system],
      swiftSettings: strict),
    .executableTarget(
      name: "adapterd-replay",
      dependencies: ["TrainingReplay", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      swiftSettings: strict),
    .target(
      name: "TestSupport", dependencies: ["Kernel", system], path: "Tests/TestSupport",
      resources: [.copy("Resources")], swiftSettings: strict),
    .target(
      name: "TestHub",
      dependencies: [
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HummingbirdTLS", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"), "Yams",
        crypto, logging,
      ],
      path: "Tests/TestHub", swiftSettings: strict),
    .target(name: "WallClock", path: "Tests/WallClock"),
    .testTarget(
      name: "EndToEndTests",
      dependencies: [
        "adapterd", "adapterd-replay", "Adapters", "Kernel", "TestHub", "TestSupport", "TrainingReplay", system,
      ], swiftSettings: strict),
    .testTarget(
      name: "TortureTests",
      dependencies: ["adapterd", "Adapters", "Kernel", "TestHub", "TestSupport", "Watching", system],
      swiftSettings: strict),
  ]
)
