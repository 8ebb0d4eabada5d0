/// Removes inputs that are not needed for a result.
/// - Parameter attempt: Makes inputs until the result occurs, and returns those that it made; nil when the result does
///   not occur.
func shortened<Input>(_ inputs: [Input], attempt: ([Input]) -> [Input]?) -> [Input] {
  var kept = inputs
  while true {
    // An input may become removable after the one that needed it was removed.
    let shorter = shortenedOnce(kept, attempt)
    guard shorter.count < kept.count else { return kept }
    kept = shorter
  }
}

private func shortenedOnce<Input>(_ inputs: [Input], _ attempt: ([Input]) -> [Input]?) -> [Input] {
  var kept = inputs
  var index = kept.count - 1
  while index >= 0 {
    var fewer = kept
    fewer.remove(at: index)
    if let made = attempt(fewer) { kept = made }
    index = min(index, kept.count) - 1
  }
  return kept
}
