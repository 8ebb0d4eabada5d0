import FlowIR

/// The reason why a step failed, small enough to be thrown without an allocation.
struct StepFailure: Error, BitwiseCopyable {
  enum Kind: UInt8, BitwiseCopyable {
    case notHandled, raised, internalEvent, notStarted, ended, failed, invariant, never, tooManyMicrosteps
    case tooManyDeferred
  }

  var kind: Kind
  /// The expression that failed.
  var expression: OptionalIndex<ExpressionIndex>
  var location: OptionalIndex<LocationIndex>
  /// The raised event that no state handles.
  var event: OptionalIndex<EventIndex>
  /// The position of a `never` among the properties of the flow.
  var property = 0

  init(
    _ kind: Kind, expression: ExpressionIndex? = nil, location: LocationIndex? = nil, event: EventIndex? = nil
  ) {
    self.kind = kind
    self.expression = OptionalIndex(expression)
    self.location = OptionalIndex(location)
    self.event = OptionalIndex(event)
  }
}
