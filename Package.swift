// swift-tools-version: 6.2
import PackageDescription

// One line per target, in the order of Docs/architecture.md; imports point down the page only.
let package = Package(
  name: "flow",
  products: [
    .executable(name: "flow", targets: ["flow"]),
    .library(name: "CEL", targets: ["CEL"]),
    .executable(name: "cel-conformance", targets: ["CELConformance"]),
  ],
  traits: [
    .trait(name: "AMQP", description: "The binding `publish`, by librabbitmq."),
    .trait(name: "Redis", description: "The binding `redis`, by hiredis."),
    .trait(name: "Postgres", description: "The binding `sql`, by libpq."),
  ],
  targets: [
    // The pure core: no I/O, no clock, no threads, no Foundation.
    library("FlowSource"),
    library("CEL", ["FlowSource", "CRE2"], unsafe: true, exclude: ["Values/time_zones.py"]),
    library("FlowSyntax", ["FlowSource", "CEL"]),
    library("FlowChecker", ["FlowSyntax", "FlowSource", "CEL"]),
    library("FlowIR", ["CEL", "FlowSource", "CCrypto"]),
    library("FlowCompiler", ["FlowChecker", "FlowSyntax", "FlowIR", "FlowSource", "CEL"]),
    library("FlowMachine", ["FlowIR", "CEL", "FlowSource"]),
    library("FlowDiagram", ["FlowIR"]),

    // The durable engine and its doors to the world.
    library("FlowRuntime", ["FlowMachine", "FlowIR", "CEL", "FlowSource"]),
    library("FlowStoreSQLite", ["FlowRuntime", "FlowSource", "CSQLite"], unsafe: true),
    library(
      "FlowActions",
      [
        "FlowRuntime", "FlowMachine", "FlowIR", "FlowCrypto", "CEL", "FlowSource", "CCurl", "CSpawn",
        only("AMQP", "CRabbitMQ"), only("Redis", "CHiredis"), only("Postgres", "CPostgres"),
      ], unsafe: true),
    library("FlowClient", ["FlowSource", "CCurl"], unsafe: true),
    library("FlowCrypto", ["CSignature"], unsafe: true),
    library("FlowHTTP", ["CBeast", "CWslay", "CEpoll", "CTLS", "CZlib"], unsafe: true),
    library("FlowTesting", ["FlowMachine", "FlowIR", "CEL", "FlowSource"]),
    library(
      "FlowServer",
      [
        "FlowRuntime", "FlowHTTP", "FlowCrypto", "FlowCompiler", "FlowDiagram", "FlowTesting", "FlowMachine", "FlowIR",
        "CEL", "FlowSource",
      ]),
    library(
      "FlowREPL",
      ["FlowTesting", "FlowDiagram", "FlowCompiler", "FlowRuntime", "FlowMachine", "FlowIR", "CEL", "FlowSource"]),

    // The binaries.
    executable(
      "flow",
      [
        "FlowClient", "FlowCompiler", "FlowServer", "FlowStoreSQLite", "FlowActions", "FlowREPL", "FlowTesting",
        "FlowDiagram",
        "FlowRuntime", "FlowMachine",
        "FlowSyntax", "FlowIR", "FlowHTTP", "CEL", "FlowSource", "CReadline", "CToml", "CPages",
      ]),
    executable("CELConformance", ["CEL", "FlowSource"]),
    executable("WebSocketEcho", ["FlowHTTP"]),
    executable(
      "Benchmarks",
      [
        "FlowTesting", "FlowRuntime", "FlowStoreSQLite", "FlowMachine", "FlowCompiler", "FlowSyntax", "CEL",
        "FlowSource", "CAllocations", "CSQLite", "FlowGenerator",
      ]),

    // Tests.
    .target(
      name: "FlowTestSupport", dependencies: ["FlowSource"], path: "Tests/FlowTestSupport", exclude: ["mailsink.py"]),
    .target(name: "FlowGenerator", path: "Tests/FlowGenerator"),
    .target(name: "CPowerCut", dependencies: ["CSQLite"], path: "Tests/CPowerCut"),
    test("FlowSourceTests", ["FlowSource", "FlowTestSupport"], corpus: true),
    test("CELTests", ["CEL", "FlowSource", "CELConformance"]),
    test("FlowSyntaxTests", ["FlowSyntax", "CEL", "FlowSource", "FlowTestSupport", "FlowGenerator"], corpus: true),
    test("FlowCheckerTests", ["FlowChecker", "CEL", "FlowSource", "FlowGenerator"]),
    test(
      "FlowCompilerTests",
      ["FlowCompiler", "FlowSyntax", "FlowMachine", "FlowIR", "CEL", "FlowSource", "FlowTestSupport", "FlowGenerator"],
      corpus: true),
    test(
      "FlowMachineTests",
      ["FlowMachine", "FlowTesting", "FlowCompiler", "FlowIR", "CEL", "FlowSource", "FlowTestSupport", "FlowGenerator"]),
    test(
      "FlowDiagramTests", ["FlowDiagram", "FlowCompiler", "FlowIR", "FlowSource", "FlowTestSupport"], corpus: true),
    test(
      "FlowRuntimeTests",
      ["FlowRuntime", "FlowStoreSQLite", "FlowMachine", "FlowCompiler", "FlowIR", "CEL", "FlowSource"]),
    test("FlowStoreSQLiteTests", ["FlowStoreSQLite", "FlowRuntime", "FlowSource", "FlowTestSupport"]),
    test(
      "PowerCutTests",
      ["FlowStoreSQLite", "FlowRuntime", "FlowMachine", "FlowCompiler", "FlowSource", "CPowerCut", "CSQLite"]),
    test(
      "FlowActionsTests", ["FlowActions", "FlowRuntime", "FlowMachine", "FlowIR", "FlowSource", "FlowTestSupport"]),
    test(
      "FlowBrokerTests", ["FlowActions", "FlowRuntime", "FlowMachine", "FlowIR", "FlowSource", "FlowTestSupport"],
      exclude: ["rabbit.py"]),
    test("FlowHTTPTests", ["FlowHTTP"]),
    test("FlowCryptoTests", ["FlowCrypto"]),
    test(
      "FlowServerTests", ["FlowServer", "FlowCrypto", "FlowRuntime", "FlowSource", "FlowTestSupport", "flow"],
      exclude: ["tls_relay.py", "tokens.py", "collector.py", "systemd.py"]),
    test("FlowCommandTests", ["FlowSource", "FlowTestSupport", "flow"], exclude: ["terminal.py"]),
    test(
      "FlowTestingTests", ["FlowTesting", "FlowCompiler", "FlowIR", "FlowSource", "FlowTestSupport"], corpus: true),
    test(
      "FlowREPLTests",
      ["FlowREPL", "FlowTesting", "FlowCompiler", "FlowIR", "FlowSource", "FlowTestSupport"]),
    test("RepositoryTests", ["FlowTestSupport"]),

    // C libraries from the system.
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CWslay", providers: [.apt(["libwslay-dev"])]),
    .target(name: "CRE2", linkerSettings: [.linkedLibrary("re2"), .linkedLibrary("m")]),
    .target(name: "CCurl", linkerSettings: [.linkedLibrary("curl")]),
    .target(name: "CSpawn"),
    .target(name: "CRabbitMQ", linkerSettings: [.linkedLibrary("rabbitmq", .when(traits: ["AMQP"]))]),
    .systemLibrary(name: "CHiredis"),
    .systemLibrary(name: "CPostgres"),
    .target(name: "CReadline", linkerSettings: [.linkedLibrary("readline")]),
    .target(name: "CBeast"),
    .target(name: "CToml"),
    .target(name: "CPages"),
    .target(name: "CEpoll"),
    .target(name: "CTLS", linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
    .target(name: "CSignature", linkerSettings: [.linkedLibrary("crypto")]),
    .target(name: "CZlib", linkerSettings: [.linkedLibrary("z")]),
    .target(name: "CAllocations"),
  ],
  cxxLanguageStandard: .cxx17
)

// `make fuzz` builds this with libFuzzer, which brings the `main` along; nothing else can link it.
if Context.environment["FLOW_FUZZ"] != nil {
  package.targets.append(
    executable(
      "CELFuzz", ["CEL", "FlowSource"], exclude: ["dictionary.txt"], link: [.unsafeFlags(["-sanitize=fuzzer"])]))
}

/// What every Swift target is built with.
nonisolated func settings() -> [SwiftSetting] {
  [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
  ]
}

/// A dependency of builds with a trait only.
nonisolated func only(_ trait: String, _ target: String) -> Target.Dependency {
  .target(name: target, condition: .when(traits: [trait]))
}

/// A Swift target; `unsafe` marks the few that are a door to raw memory, all others are checked strictly.
nonisolated func library(
  _ name: String, _ dependencies: [Target.Dependency] = [], unsafe: Bool = false, exclude: [String] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, exclude: exclude,
    swiftSettings: settings() + (unsafe ? [] : [.strictMemorySafety()]))
}

/// A program.
nonisolated func executable(
  _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [], link: [LinkerSetting] = []
) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies, exclude: exclude, swiftSettings: settings(), linkerSettings: link)
}

/// The tests of one target; a `Corpus` beside them is data.
nonisolated func test(
  _ name: String, _ dependencies: [Target.Dependency] = [], corpus: Bool = false, exclude: [String] = []
) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, exclude: exclude + (corpus ? ["Corpus"] : []), swiftSettings: settings())
}
