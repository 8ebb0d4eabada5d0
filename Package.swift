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
  targets: [
    // The pure core: no I/O, no clock, no threads, no Foundation.
    library(.language, "FlowJSON"),
    library(.language, "FlowTime"),
    library(.language, "FlowSource"),
    library(.language, "FlowDiagnostics", ["FlowSource", "FlowJSON"]),
    library(
      .language, "CEL", ["FlowDiagnostics", "FlowSource", "FlowTime", "FlowJSON", "CRE2"], unsafe: true,
      exclude: ["Values/time_zones.py"]),
    library(.language, "FlowSyntax", ["FlowDiagnostics", "FlowSource", "FlowTime", "CEL"]),
    library(.language, "FlowIR", ["CEL", "FlowTime", "FlowJSON", "CCrypto"]),
    library(.language, "FlowChecker", ["FlowSyntax", "FlowIR", "FlowSource", "FlowTime", "FlowJSON", "CEL"]),
    library(
      .language, "FlowCompiler", ["FlowChecker", "FlowSyntax", "FlowIR", "FlowDiagnostics", "FlowSource", "CEL"]),
    library(.engine, "FlowMachine", ["FlowIR", "CEL", "FlowSource", "FlowTime", "FlowJSON"]),
    library(.language, "FlowDiagram", ["FlowIR"]),
    library(
      .language, "FlowIDE", ["FlowCompiler", "FlowChecker", "FlowSyntax", "FlowDiagnostics", "FlowSource", "CEL"]),
    library(
      .engine, "FlowTesting",
      ["FlowMachine", "FlowIR", "CEL", "FlowDiagnostics", "FlowSource", "FlowTime", "FlowJSON"]),
    library(
      .engine, "FlowVerify",
      ["FlowTesting", "FlowMachine", "FlowIR", "CEL", "FlowDiagnostics", "FlowSource", "FlowJSON"]),

    // The durable engine, its adapters, and the server.
    library(.engine, "FlowRuntime", ["FlowMachine", "FlowIR", "CEL", "FlowSource", "FlowJSON"]),
    library(.engine, "FlowStoreSQLite", ["FlowRuntime", "FlowIR", "FlowJSON", "CEL", "CSQLite"], unsafe: true),
    library(.engine, "FlowStorePostgres", ["FlowRuntime", "FlowJSON", "CPostgres"], unsafe: true),
    library(.engine, "FlowCrypto", ["CSignature"], unsafe: true),
    library(
      .engine, "FlowActions",
      [
        "FlowRuntime", "FlowMachine", "FlowIR", "FlowCrypto", "CEL", "FlowSource", "FlowJSON", "CCurl", "CSpawn",
        "CRabbitMQ", "CHiredis", "CPostgres",
      ], unsafe: true),
    library(.server, "FlowClient", ["FlowJSON", "CCurl"], unsafe: true),
    library(.server, "FlowHTTP", ["CBeast", "CWslay", "CEpoll", "CTLS", "CZlib"], unsafe: true),
    library(
      .server, "FlowServer",
      [
        "FlowRuntime", "FlowHTTP", "FlowCrypto", "FlowIDE", "FlowCompiler", "FlowDiagram", "FlowTesting", "FlowMachine",
        "FlowIR", "CEL", "FlowDiagnostics", "FlowSource", "FlowTime", "FlowJSON",
      ]),
    library(
      .server, "FlowBrokers", ["FlowServer", "FlowActions", "FlowRuntime", "FlowMachine", "FlowIR", "FlowJSON"]),
    library(
      .server, "FlowNodes",
      ["FlowServer", "FlowClient", "FlowHTTP", "FlowRuntime", "FlowMachine", "FlowIR", "FlowJSON", "CCurl"],
      unsafe: true),
    library(
      .tools, "FlowREPL",
      [
        "FlowIDE", "FlowVerify", "FlowTesting", "FlowDiagram", "FlowCompiler", "FlowRuntime", "FlowMachine", "FlowIR",
        "CEL", "FlowDiagnostics",
        "FlowSource", "FlowTime", "FlowJSON",
      ]),

    library(
      .tools, "FlowLSP",
      [
        "FlowIDE", "FlowREPL", "FlowTesting", "FlowDiagram", "FlowCompiler", "FlowChecker", "FlowSyntax", "FlowIR",
        "FlowDiagnostics", "FlowSource", "FlowJSON",
      ]),

    // The binaries.
    executable(
      .tools, "flow",
      [
        "FlowClient", "FlowCompiler", "FlowNodes", "FlowBrokers", "FlowServer", "FlowStorePostgres", "FlowStoreSQLite",
        "FlowActions",
        "FlowCrypto", "FlowREPL",
        "FlowLSP", "FlowVerify",
        "FlowTesting", "FlowDiagram",
        "FlowRuntime", "FlowMachine",
        "FlowSyntax", "FlowIR", "FlowHTTP", "CEL", "FlowDiagnostics", "FlowSource", "FlowTime", "FlowJSON", "CReadline",
        "CToml", "CPages", "CDashboard", "CMemory",
      ]),
    executable(.tools, "CELConformance", ["CEL", "FlowSource", "FlowJSON"]),
    executable(.tools, "WebSocketEcho", ["FlowHTTP"]),
    executable(
      .tools, "Benchmarks",
      [
        "FlowLSP", "FlowServer", "FlowTesting", "FlowRuntime", "FlowStoreSQLite", "FlowStorePostgres", "FlowMachine",
        "FlowIR", "FlowCompiler", "FlowSyntax", "CEL", "FlowDiagnostics", "FlowSource", "FlowJSON", "CAllocations",
        "CEpoll", "CPostgres", "CSQLite", "FlowGenerator",
      ]),

    // Tests.
    .target(
      name: "FlowTestSupport", dependencies: ["FlowJSON"], path: "Tests/FlowTestSupport", exclude: ["mailsink.py"]),
    .target(name: "FlowGenerator", path: "Tests/FlowGenerator"),
    .target(name: "CPowerCut", dependencies: ["CSQLite"], path: "Tests/CPowerCut"),
    test(
      "FlowSourceTests", ["FlowDiagnostics", "FlowSource", "FlowTime", "FlowJSON", "FlowTestSupport"], corpus: true),
    test("CELTests", ["CEL", "FlowSource", "FlowJSON", "CELConformance", "FlowGenerator"]),
    test(
      "FlowSyntaxTests", ["FlowSyntax", "CEL", "FlowSource", "FlowTime", "FlowTestSupport", "FlowGenerator"],
      corpus: true),
    test("FlowCheckerTests", ["FlowChecker", "CEL", "FlowGenerator", "FlowTestSupport"]),
    test(
      "FlowCompilerTests",
      [
        "FlowCompiler", "FlowSyntax", "FlowMachine", "FlowIR", "CEL", "FlowDiagnostics", "FlowSource", "FlowJSON",
        "FlowTestSupport", "FlowGenerator",
      ],
      corpus: true),
    test(
      "FlowMachineTests",
      [
        "FlowMachine", "FlowTesting", "FlowCompiler", "FlowIR", "CEL", "FlowDiagnostics", "FlowSource", "FlowTime",
        "FlowJSON", "FlowTestSupport", "FlowGenerator",
      ],
      corpus: true, exclude: ["time_cases.py"]),
    test(
      "FlowDiagramTests", ["FlowDiagram", "FlowCompiler", "FlowIR", "FlowSource", "FlowTestSupport"], corpus: true),
    test(
      "FlowRuntimeTests",
      [
        "FlowRuntime", "FlowStorePostgres", "FlowStoreSQLite", "FlowTesting", "FlowMachine", "FlowCompiler", "FlowIR",
        "CEL", "FlowDiagnostics", "FlowSource", "FlowJSON", "FlowTestSupport", "FlowGenerator",
      ]),
    test("FlowStorePostgresTests", ["FlowStorePostgres", "FlowRuntime", "FlowJSON", "FlowTestSupport"]),
    test("FlowStoreSQLiteTests", ["FlowStoreSQLite", "FlowRuntime", "FlowTestSupport"]),
    test(
      "PowerCutTests",
      [
        "FlowStoreSQLite", "FlowRuntime", "FlowMachine", "FlowCompiler", "FlowDiagnostics", "FlowSource", "FlowJSON",
        "CPowerCut", "CSQLite", "FlowGenerator",
      ]),
    test(
      "FlowActionsTests", ["FlowActions", "FlowRuntime", "FlowMachine", "FlowIR", "FlowJSON", "FlowTestSupport"]),
    test(
      "FlowBrokerTests",
      [
        "FlowBrokers", "FlowActions", "FlowRuntime", "FlowMachine", "FlowIR", "FlowJSON", "FlowTestSupport", "flow",
      ],
      exclude: ["rabbit.py"]),
    test("FlowHTTPTests", ["FlowHTTP", "FlowGenerator"]),
    test("FlowCryptoTests", ["FlowCrypto"]),
    test(
      "FlowServerTests",
      [
        "FlowNodes", "FlowServer", "FlowHTTP", "FlowCrypto", "FlowStoreSQLite", "FlowRuntime", "FlowMachine",
        "FlowCompiler", "FlowJSON", "FlowTestSupport", "FlowGenerator", "flow",
      ],
      exclude: ["tls_relay.py", "tokens.py", "collector.py", "systemd.py"]),
    test(
      "FlowCommandTests", ["FlowDiagnostics", "FlowJSON", "FlowTestSupport", "flow"],
      exclude: ["terminal.py", "zsh.py"]),
    test(
      "FlowTestingTests",
      [
        "FlowTesting", "FlowMachine", "FlowCompiler", "FlowIR", "FlowDiagnostics", "FlowSource", "FlowJSON",
        "FlowTestSupport",
      ],
      corpus: true),
    test(
      "FlowVerifyTests",
      [
        "FlowVerify", "FlowTesting", "FlowMachine", "FlowCompiler", "FlowIR", "CEL", "FlowDiagnostics", "FlowSource",
        "FlowTestSupport", "FlowGenerator",
      ],
      corpus: true),
    test(
      "FlowREPLTests",
      ["FlowREPL", "FlowTesting", "FlowCompiler", "FlowIR", "FlowDiagnostics", "FlowJSON", "FlowTestSupport"]),
    test("FlowIDETests", ["FlowIDE", "FlowCompiler", "FlowSyntax", "FlowSource", "FlowTestSupport"], corpus: true),
    test(
      "FlowLSPTests",
      [
        "FlowLSP", "FlowIDE", "FlowCompiler", "FlowDiagnostics", "FlowSource", "FlowJSON", "FlowTestSupport",
        "FlowGenerator",
      ],
      exclude: ["editors"]),
    test("RepositoryTests", ["FlowTestSupport"]),

    // C libraries from the system.
    system("CSQLite", pkgConfig: "sqlite3", apt: "libsqlite3-dev"),
    system("CCrypto", pkgConfig: "libcrypto", apt: "libssl-dev"),
    system("CWslay", apt: "libwslay-dev"),
    shim("CRE2", link: ["re2", "m"]),
    shim("CCurl", link: ["curl"]),
    shim("CSpawn"),
    shim("CRabbitMQ", link: ["rabbitmq"]),
    system("CHiredis"),
    system("CPostgres"),
    shim("CReadline", link: ["readline"]),
    shim("CBeast"),
    shim("CToml"),
    shim("CPages"),
    shim("CDashboard"),
    shim("CEpoll"),
    shim("CTLS", link: ["ssl", "crypto"]),
    shim("CSignature", link: ["crypto"]),
    shim("CZlib", link: ["z"]),
    shim("CMemory"),
    shim("CAllocations"),
  ],
  cxxLanguageStandard: .cxx17
)

// `make fuzz` builds this with libFuzzer, which brings the `main` along; nothing else can link it.
if Context.environment["FLOW_FUZZ"] != nil {
  package.targets.append(
    executable(
      .tools, "CELFuzz", ["CEL", "FlowJSON"], exclude: ["dictionary.txt"],
      link: [.unsafeFlags(["-sanitize=fuzzer"])]))
}

/// The folders of `Sources`, in the order in which they build on each other.
enum Layer: String {
  case language = "Language"
  case engine = "Engine"
  case server = "Server"
  case tools = "Tools"

  func path(of target: String) -> String { "Sources/\(rawValue)/\(target)" }
}

/// `make test` optimizes the core and the engine, whose interpreter and models do most of the work of the tests.
nonisolated func optimization(of layer: Layer) -> [SwiftSetting] {
  guard Context.environment["FLOW_OPTIMIZE"] != nil, layer == .language || layer == .engine else { return [] }
  return [.unsafeFlags(["-O"], .when(configuration: .debug))]
}

/// The settings of every Swift target.
nonisolated func settings() -> [SwiftSetting] {
  [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
  ]
}

/// A Swift target; `unsafe` marks those that handle raw memory, all others are checked strictly.
nonisolated func library(
  _ layer: Layer, _ name: String, _ dependencies: [Target.Dependency] = [], unsafe: Bool = false, exclude: [String] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, path: layer.path(of: name), exclude: exclude,
    swiftSettings: settings() + optimization(of: layer) + (unsafe ? [] : [.strictMemorySafety()]))
}

/// A module map for a C library of the system.
nonisolated func system(_ name: String, pkgConfig: String? = nil, apt package: String? = nil) -> Target {
  .systemLibrary(
    name: name, path: "Sources/System/\(name)", pkgConfig: pkgConfig, providers: package.map { [.apt([$0])] })
}

/// A thin C or C++ layer over a library of the system.
nonisolated func shim(_ name: String, link libraries: [String] = []) -> Target {
  .target(
    name: name, path: "Sources/System/\(name)",
    linkerSettings: libraries.map { .linkedLibrary($0) })
}

/// The addresses of library functions are resolved when a program starts, and can't be written afterwards.
nonisolated var hardening: [String] { ["-z", "relro", "-z", "now"].flatMap { ["-Xlinker", $0] } }

/// A program.
nonisolated func executable(
  _ layer: Layer, _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [],
  link: [LinkerSetting] = []
) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies, path: layer.path(of: name), exclude: exclude, swiftSettings: settings(),
    linkerSettings: link + [.unsafeFlags(hardening, .when(platforms: [.linux]))])
}

/// The tests of one target; a `Corpus` beside them is data.
nonisolated func test(
  _ name: String, _ dependencies: [Target.Dependency] = [], corpus: Bool = false, exclude: [String] = []
) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, exclude: exclude + (corpus ? ["Corpus"] : []), swiftSettings: settings())
}
