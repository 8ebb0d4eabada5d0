/// Access to a resource beyond its scope, by flow, instance and field. The code enforces this table; `Docs/security.md`
/// and the tests are generated from it.
struct RouteAccess: Sendable {
  /// The effect of a key's limit to some flows.
  enum Flows: String, Sendable {
    /// The resource is not related to flows.
    case none
    /// The key must be allowed the flow in the path; other flows appear not to exist.
    case named
    /// The resource omits data of other flows.
    case filtered
    /// Only a key for all flows may use it.
    case all
  }

  /// The effect of a flow's read rules (`read by`, `read when`).
  enum Instances: String, Sendable {
    /// The resource shows no instance.
    case none
    /// An instance that the caller may not read appears not to exist.
    case readable
    /// Instances that the caller may not read are omitted from lists and counts.
    case filtered
    /// The operation is executed, and values are shown only to callers that may read the instance.
    case acknowledged
  }

  /// The values in a response.
  enum Fields: String, Sendable {
    /// No value of an instance.
    case none
    /// Values, with redacted fields masked.
    case masked
    /// Unmasked values, for the worker that needs them.
    case plain
  }

  var flows: Flows
  var instances = Instances.none
  var fields = Fields.none
}
