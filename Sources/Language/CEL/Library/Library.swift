/// A part of the function library.
enum Library: String, Hashable, Sendable, CaseIterable {
  case standard, strings, math, encoders, optionals, lists, sets, regex, network, urls, localTime

  /// Every overload, by name.
  func overloads() -> [Signature] { Self.table[self] ?? [] }

  private static let table: [Library: [Signature]] = [
    .standard: read(standardSignatures) + orderings + accessors,
    .strings: read(stringSignatures),
    .math: read(mathSignatures),
    .encoders: read("base64.encode(bytes) -> string", "base64.decode(string) -> bytes"),
    .optionals: read(optionalSignatures),
    .lists: read(listSignatures),
    .sets: ["contains", "equivalent", "intersects"].flatMap { read("sets.\($0)(list<T>, list<T>) -> bool") },
    .regex: read(regexSignatures),
    .network: read(networkSignatures),
    .urls: read("url.encode(string) -> string"),
    .localTime: read(
      "next_local(timestamp, string, string) -> timestamp", "add_days(timestamp, int, string) -> timestamp",
      "add_months(timestamp, int, string) -> timestamp", "start_of(timestamp, string, string) -> timestamp",
      "workday(timestamp, int, list<string>, string) -> timestamp", "format(timestamp, string, string) -> string",
      "hours(int) -> duration", "days(int) -> duration"),
  ]

  private static func read(_ lines: String...) -> [Signature] { read(lines) }

  private static func read(_ lines: [String]) -> [Signature] {
    lines.map { line in
      guard let signature = Signature(line) else { preconditionFailure("not a signature: \(line)") }
      return signature
    }
  }

  /// `<` and the other comparisons: of one type, and across the number types.
  private static let orderings: [Signature] = {
    let same: [ValueType] = [.bool, .int, .uint, .double, .string, .bytes, .timestamp, .duration]
    let numbers: [ValueType] = [.int, .uint, .double]
    let mixed = numbers.flatMap { left in numbers.filter { $0 != left }.map { [left, $0] } }
    return ["_<_", "_<=_", "_>_", "_>=_"].flatMap { name in
      (same.map { [$0, $0] } + mixed).map { Signature(name, parameters: $0, result: .bool) }
    }
  }()

  private static let accessors: [Signature] = {
    let ofInstants = [
      "getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getHours", "getMinutes",
      "getSeconds", "getMilliseconds",
    ]
    return ofInstants.flatMap { read("timestamp.\($0)() -> int", "timestamp.\($0)(string) -> int") }
      + ofInstants.suffix(4).flatMap { read("duration.\($0)() -> int") }
  }()
}

private let standardSignatures = [
  "!_(bool) -> bool", "-_(int) -> int", "-_(double) -> double",
  "_+_(int, int) -> int", "_+_(uint, uint) -> uint", "_+_(double, double) -> double",
  "_+_(string, string) -> string", "_+_(bytes, bytes) -> bytes", "_+_(list<A>, list<A>) -> list<A>",
  "_+_(timestamp, duration) -> timestamp", "_+_(duration, timestamp) -> timestamp",
  "_+_(duration, duration) -> duration",
  "_-_(int, int) -> int", "_-_(uint, uint) -> uint", "_-_(double, double) -> double",
  "_-_(timestamp, timestamp) -> duration", "_-_(timestamp, duration) -> timestamp",
  "_-_(duration, duration) -> duration",
  "_*_(int, int) -> int", "_*_(uint, uint) -> uint", "_*_(double, double) -> double",
  "_/_(int, int) -> int", "_/_(uint, uint) -> uint", "_/_(double, double) -> double",
  "_%_(int, int) -> int", "_%_(uint, uint) -> uint",
  "_==_(A, A) -> bool", "_!=_(A, A) -> bool",
  "@in(A, list<A>) -> bool", "@in(A, map<A, B>) -> bool",
  "_[_](list<A>, int) -> A", "_[_](map<A, B>, A) -> B",
  "_[_](optional<list<A>>, int) -> optional<A>", "_[_](optional<map<A, B>>, A) -> optional<B>",
  "_[?_](list<A>, int) -> optional<A>", "_[?_](map<A, B>, A) -> optional<B>",
  "_[?_](optional<list<A>>, int) -> optional<A>", "_[?_](optional<map<A, B>>, A) -> optional<B>",
  "size(string) -> int", "size(bytes) -> int", "size(list<A>) -> int", "size(map<A, B>) -> int",
  "string.size() -> int", "bytes.size() -> int", "list<A>.size() -> int", "map<A, B>.size() -> int",
  "string.contains(string) -> bool", "string.startsWith(string) -> bool", "string.endsWith(string) -> bool",
  "string.matches(string) -> bool", "matches(string, string) -> bool",
  "type(A) -> type<A>", "dyn(A) -> dyn",
  "bool(bool) -> bool", "bool(string) -> bool",
  "bytes(bytes) -> bytes", "bytes(string) -> bytes",
  "double(double) -> double", "double(int) -> double", "double(uint) -> double", "double(string) -> double",
  "int(int) -> int", "int(uint) -> int", "int(double) -> int", "int(string) -> int", "int(timestamp) -> int",
  "int(duration) -> int",
  "uint(uint) -> uint", "uint(int) -> uint", "uint(double) -> uint", "uint(string) -> uint",
  "string(string) -> string", "string(bool) -> string", "string(int) -> string", "string(uint) -> string",
  "string(double) -> string", "string(bytes) -> string", "string(timestamp) -> string", "string(duration) -> string",
  "timestamp(timestamp) -> timestamp", "timestamp(string) -> timestamp", "timestamp(int) -> timestamp",
  "duration(duration) -> duration", "duration(string) -> duration",
]

private let stringSignatures = [
  "string.charAt(int) -> string", "string.indexOf(string) -> int", "string.indexOf(string, int) -> int",
  "string.lastIndexOf(string) -> int", "string.lastIndexOf(string, int) -> int",
  "list<string>.join() -> string", "list<string>.join(string) -> string",
  "string.lowerAscii() -> string", "string.upperAscii() -> string",
  "string.replace(string, string) -> string", "string.replace(string, string, int) -> string",
  "string.split(string) -> list<string>", "string.split(string, int) -> list<string>",
  "string.substring(int) -> string", "string.substring(int, int) -> string",
  "string.trim() -> string", "string.reverse() -> string", "string.format(list<dyn>) -> string",
  "strings.quote(string) -> string",
]

private let mathSignatures =
  ["ceil", "floor", "round", "trunc"].map { "math.\($0)(double) -> double" }
  + ["isNaN", "isInf", "isFinite"].map { "math.\($0)(double) -> bool" }
  + ["abs", "sign"].flatMap { name in ["int", "uint", "double"].map { "math.\(name)(\($0)) -> \($0)" } }
  + ["bitAnd", "bitOr", "bitXor"].flatMap { name in ["int", "uint"].map { "math.\(name)(\($0), \($0)) -> \($0)" } }
  + ["bitShiftLeft", "bitShiftRight"].flatMap { name in ["int", "uint"].map { "math.\(name)(\($0), int) -> \($0)" } }
  + ["int", "uint"].map { "math.bitNot(\($0)) -> \($0)" }
  + ["int", "uint", "double"].map { "math.sqrt(\($0)) -> double" }

private let optionalSignatures = [
  "optional.of(A) -> optional<A>", "optional.none() -> optional<A>", "optional.ofNonZeroValue(A) -> optional<A>",
  "optional<A>.value() -> A", "optional<A>.hasValue() -> bool", "optional<A>.or(optional<A>) -> optional<A>",
  "optional<A>.orValue(A) -> A", "list<A>.first() -> optional<A>", "list<A>.last() -> optional<A>",
  "optional.unwrap(list<optional<A>>) -> list<A>", "list<optional<A>>.unwrapOpt() -> list<A>",
]

private let listSignatures =
  [
    "list<A>.distinct() -> list<A>", "list<A>.reverse() -> list<A>", "list<A>.slice(int, int) -> list<A>",
    "list<list<A>>.flatten() -> list<A>", "list<dyn>.flatten() -> list<dyn>", "list<dyn>.flatten(int) -> list<dyn>",
    "lists.range(int) -> list<int>",
  ]
  + ["int", "uint", "double", "duration"].map { "list<\($0)>.sum() -> \($0)" }
  + ["bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration"].flatMap { type in
    ["sort() -> list<\(type)>", "min() -> \(type)", "max() -> \(type)"].map { "list<\(type)>.\($0)" }
  }

private let regexSignatures = [
  "regex.extract(string, string) -> optional<string>", "regex.extractAll(string, string) -> list<string>",
  "regex.replace(string, string, string) -> string", "regex.replace(string, string, string, int) -> string",
]

private let networkSignatures =
  [
    "ip(string) -> net.IP", "ip(net.IP) -> net.IP", "isIP(string) -> bool", "ip.isCanonical(string) -> bool",
    "cidr(string) -> net.CIDR", "cidr(net.CIDR) -> net.CIDR", "isCIDR(string) -> bool", "net.IP.family() -> int",
    "string(net.IP) -> string", "string(net.CIDR) -> string", "net.IP.string() -> string",
    "net.CIDR.string() -> string", "net.CIDR.containsIP(net.IP) -> bool", "net.CIDR.containsIP(string) -> bool",
    "net.CIDR.containsCIDR(net.CIDR) -> bool", "net.CIDR.containsCIDR(string) -> bool", "net.CIDR.ip() -> net.IP",
    "net.CIDR.masked() -> net.CIDR", "net.CIDR.prefixLength() -> int",
  ]
  + ["isUnspecified", "isLoopback", "isGlobalUnicast", "isLinkLocalUnicast", "isLinkLocalMulticast"].map {
    "net.IP.\($0)() -> bool"
  }
