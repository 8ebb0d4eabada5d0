/// Access to a resource beyond its scope, by flow, instance and field. The code enforces this table, and
/// `Docs/security.md` and the tests are made from it.
struct RouteAccess: Sendable {
  /// The effect of a key's limit to some flows.
  enum Flows: String, Sendable {
    /// The resource is about no flow.
    case none
    /// The key must be allowed the flow in the path; other flows look as if they did not exist.
    case named
    /// The resource leaves out what belongs to other flows.
    case filtered
    /// Only a key for all flows may use it.
    case all
  }

  /// The effect of a flow's read rules (`read by`, `read when`).
  enum Instances: String, Sendable {
    /// The resource shows no instance.
    case none
    /// An instance that the caller may not read looks as if it did not exist.
    case readable
    /// Instances that the caller may not read are left out of lists and counts.
    case filtered
    /// The operation is carried out, and values are shown only to callers who may read the instance.
    case acknowledged
  }

  /// The values in a response.
  enum Fields: String, Sendable {
    /// No value of an instance.
    case none
    /// Values, with redacted fields masked.
    case masked
    /// Values as they are, for the worker that needs them.
    case plain
  }

  var flows: Flows
  var instances = Instances.none
  var fields = Fields.none
}
