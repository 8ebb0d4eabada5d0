extension TestEngine {
  /// A flow whose two actions have limits `at once`: one for each oven, and one of a worker.
  static let limitText = """
    event Bake { id: string  oven: string }

    action bake(id: string, oven: string) -> string fails BURNT {
      http POST "http://bake/" + oven + "/" + id
      limit 2 at once per oven
      422 -> BURNT
      retry 1 backoff 1s..1s
    }
    action knead(id: string) -> int fails LOST { worker "dough"  limit 1 at once  retry 1 backoff 1s..1s }

    flow Loaf {
      key id
      data { id: string  oven: string }
      start on Bake again -> kneading do { id = event.id  oven = event.oven }
      state kneading {
        call knead(id: id) as dough
        on dough.done -> baking
        on dough.failed -> burnt
        on Go -> baking
      }
      state baking {
        call bake(id: id, oven: oven) as bread
        on bread.done -> baked
        on bread.failed -> burnt
        on Back -> burnt
      }
      final baked
      failed burnt
    }
    """
}
