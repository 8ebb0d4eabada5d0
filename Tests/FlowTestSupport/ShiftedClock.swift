import Foundation

/// Processes whose clock differs from that of the machine, by libfaketime.
public enum ShiftedClock {
  private static let library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"

  /// True if libfaketime is installed.
  public static var isPossible: Bool { FileManager.default.fileExists(atPath: library) }

  /// The environment of a process.
  /// - Parameters:
  ///   - offset: The offset of its clock, such as `+600s`.
  ///   - isSwift: True for a program in Swift, whose arguments are found beside the environment: the library must not
  ///     add a variable. It adds none when the names of its shared memory are given, whether or not they exist.
  public static func variables(_ offset: String, isSwift: Bool = true) -> [String: String] {
    var variables = ["LD_PRELOAD": library, "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"]
    if isSwift { variables["FAKETIME_SHARED"] = "/none /none" }
    return variables
  }
}
