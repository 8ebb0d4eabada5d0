import FlowTestSupport
import Testing

/// `flow docs`: the tables of events and actions.
@Suite("Generated documentation") struct DocsCommandTests {
  @Test("computed members of events are shown with their expressions") func computedMembers() throws {
    let folder = try TestFolder()
    _ = try folder.write(
      "change.flow",
      """
      /// A change of a repository.
      event Changed { repository: string  number: int  let pr = repository + "#" + string(number) }

      /// Follows a change.
      flow Change {
        key pr
        data { pr: string }
        start on Changed -> open do pr = event.pr
        state open { after 1h -> closed }
        final closed
      }
      """)
    let document = try FlowProcess.run("docs", "change.flow", in: folder.url)
    #expect(
      document.output.contains(##"`repository: string`, `number: int`, `pr = repository + "#" + string(number)`"##))
  }
}
