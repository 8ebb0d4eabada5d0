import CEL
import FlowSource
import FlowSyntax

/// What the lints look at: a program without errors, as a tree and as it was checked.
struct LintContext {
  let files: [ParsedFile]
  let symbols: Symbols
  let actions: [CheckedAction]
  let flows: [CheckedFlow]
  let uses: Uses
}

/// All that can be said of a program that has no errors. Each rule is a function in a file of its own subject.
func lint(_ context: LintContext) -> [Diagnostic] {
  var problems: [Diagnostic] = []
  checkUnusedDeclarations(context, into: &problems)
  checkUnusedImports(context, into: &problems)
  checkSecrets(context, into: &problems)
  checkNames(context, into: &problems)
  checkConfusingNames(context, into: &problems)
  checkDeprecatedUses(context, into: &problems)
  checkEmitCycles(context, into: &problems)
  for action in context.actions { checkPolicies(of: action, into: &problems) }
  for flow in context.flows {
    checkUnusedNames(of: flow, context, into: &problems)
    checkCosts(of: flow, into: &problems)
    checkTimers(of: flow, into: &problems)
    checkTimeouts(of: flow, into: &problems)
    checkCallPolicies(of: flow, context, into: &problems)
    checkRaisedEvents(of: flow, context, into: &problems)
    checkUnhandledEvents(of: flow, context, into: &problems)
    checkDeadAssignments(of: flow, into: &problems)
    checkHistory(of: flow, into: &problems)
    checkDoubles(of: flow, into: &problems)
    checkRollbacks(of: flow, into: &problems)
  }
  return problems
}
