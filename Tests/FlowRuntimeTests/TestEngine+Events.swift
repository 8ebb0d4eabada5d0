extension TestEngine {
  /// Flows that exchange events: a called flow reports to its caller, and two independent instances ask and answer.
  static let talkText = """
    event Hire { id: string }
    event Word { id: string  text: string }

    flow Worker(boss: string) -> string {
      start -> first
      state first {
        entry emit Word{id: boss, text: "in"}
        exit emit Word{id: boss, text: "out of first"}
        always -> second
      }
      state second {
        initial state inner {
          exit emit Word{id: boss, text: "out of inner"}
          call book(id: boss) as seat
          on seat.done -> over
          on seat.failed -> full
        }
        exit emit Word{id: boss, text: "out of second"}
      }
      final over returns "well"
      failed full
    }

    flow Boss {
      key id
      data { id: string  heard: list<string> = [] }
      start on Hire -> waiting do id = event.id
      on Word do heard = heard + [event.text]
      state waiting {
        call Worker(boss: id) as work
        on work.done -> content do heard = heard + [event.result]
        on work.failed -> content do heard = heard + [event.code]
        on Back -> alone
      }
      state content { on Close -> over }
      state alone { on Close -> over }
      final over
    }

    event Push { repository: string  number: int  let pr = repository + "#" + string(number)  let share = 12 / number }

    flow PullRequest {
      key pr
      data { pr: string  count: int = 0 }
      start on Push -> open do pr = event.pr
      state open { on Push do count = count + event.share }
      ongoing
    }

    event Assign { id: string  ticket: string }

    flow Ticket(id: string) -> string {
      key id
      start -> open
      on Close -> closed
      state open { after 1d -> expired }
      final closed returns "closed " + id
      failed expired
    }

    flow Clerk {
      key id
      data { id: string  ticket: string  outcome: string = "" }
      start on Assign again -> waiting do { id = event.id  ticket = event.ticket }
      state waiting {
        call Ticket(id: ticket) as task
        on task.done -> finished do outcome = event.result
        on task.failed -> finished do outcome = event.code
        on Back -> finished
      }
      final finished
    }

    event Order { id: string }

    flow Batch {
      key id
      data { id: string  names: list<string> = []  count: int = -1 }
      start on Order -> idle do id = event.id
      state idle { on Go -> packing }
      state packing {
        call book(id: x) as all for x in names
        on all.done -> waiting
        on all.failed -> over
      }
      state waiting { on Close -> over do count = all.result.size() }
      final over
    }

    event Question { id: string  text: string }
    event Reply { id: string  text: string }
    event More { id: string  text: string }
    event Open { id: string }

    flow Client {
      key id
      data { id: string  heard: list<string> = [] }
      start on Open -> asking do { id = event.id  emit Question{id: event.id, text: "one"} }
      state asking {
        on Reply when event.text == "one!" -> asking do { heard = heard + [event.text]  emit More{id: id, text: "two"} }
        on Reply -> served do heard = heard + [event.text]
      }
      state served { on Close -> over }
      final over
    }

    flow Office {
      key id
      data { id: string }
      start on Question -> answering do { id = event.id  emit Reply{id: event.id, text: event.text + "!"} }
      state answering { on More -> answered do emit Reply{id: id, text: event.text + "!"} }
      final answered
    }

    """
}
