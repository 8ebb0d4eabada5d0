extension TestEngine {
  /// The program of all tests, with a limit for each person.
  static let throttled = make(
    allText.replacing(
      "POST \"http://inquire/\" + who\n", with: "POST \"http://inquire/\" + who\n      limit 3 per 20s per who\n"))

  /// A call over a list with reactions to its items: two are asked at a time, and enough answers end it.
  static let surveyText = """
    event Poll { id: string  people: list<string>  needed: int }

    action inquire(who: string) -> string fails AWAY {
      http POST "http://inquire/" + who
      422 -> AWAY
      retry 1 backoff 1s..1s
    }

    flow Survey {
      key id
      data { id: string  people: list<string>  needed: int  yes: int = 0  away: list<int> = [] }
      start on Poll again -> asking do { take id, people, needed  yes = 0  away = [] }
      state asking {
        call inquire(who: p) as each for p in people limit 2
        on each.item.done do yes = yes + 1
        on each.item.failed when event.code == "AWAY" do away = away + [event.index]
        always when yes >= needed -> enough
        on each.done -> answered
        on each.failed -> stopped
        on Back -> stopped
        on Go -> asking
      }
      final enough
      final answered
      failed stopped
    }
    """
}
