extension TestEngine {
  /// A trip that books a hotel, calls a flow that books a flight, and undoes completed calls when one fails; and
  /// a graph of actions.
  static let sagaText = """
    event Travel { id: string }

    action book(id: string) -> string fails FULL { http POST "http://book/" + id  409 -> FULL }
    action cancel(number: string) fails BUSY { http POST "http://cancel/" + number  retry 1 backoff 1s..1s }

    flow Leg(name: string) -> string {
      start -> booking
      state booking {
        exit note(id: name) when self.id == "never"
        call book(id: name) as seat
        on seat.done -> booked
        on seat.failed -> full
      }
      final booked returns seat.result
      failed full
    }

    flow Trip {
      key id
      data { id: string  number: string = "" }
      start on Travel -> hotel do id = event.id
      state hotel {
        call book(id: id) as room undo cancel(number: room.result)
        on room.done -> flight
        on room.failed -> undoing
        on Back -> undoing
      }
      state flight {
        call Leg(name: id + "/leg") as leg
        on leg.done -> away do number = event.result
        on leg.failed when event.code == "full" -> undoing
        on leg.failed -> stuck
        on Back -> undoing
      }
      state undoing {
        rollback
        on rollback.done -> home
        on rollback.failed -> stuck
      }
      state stuck { on Go -> undoing  after 1h -> home }
      final away
      failed home
    }

    event Pack { id: string  items: list<string> }

    flow Parcel {
      key id
      data { id: string  items: list<string>  labels: list<string> = [] }
      start on Pack -> packing do { id = event.id  items = event.items }
      state packing {
        steps {
          each: book(id: x) for x in items limit 1
          last: book(id: id + "/" + string(each.result.size()))
        }
        on each.done do labels = event.result
        on done -> packed
        on failed -> lost
      }
      final packed
      failed lost
    }

    """
}
