import CEL
import FlowIR
import FlowSource

extension Stepper {
  func armTimers(of state: Int, _ step: inout RunningStep) throws(Refusal) {
    for transition in step.flow.timers[state] {
      let node = step.flow.flow.transitions[transition]
      let due = step.flow.transitions[transition].due
      let timer: ArmedTimer
      if case .cron(let cron) = node.trigger {
        var zone = "UTC"
        if let due { zone = text(try value(due, node.place, step)) }
        timer = try cronTimer(transition, cron, zone, step)
      } else if let due {
        timer = self.timer(transition, node.trigger, try evaluate(due, node.place, step), step)
      } else {
        continue
      }
      step.instance.timers.append(timer)
      step.effects.append(.arm(timer))
    }
  }

  private func timer(_ transition: Int, _ trigger: Trigger, _ slot: Slot, _ step: RunningStep) -> ArmedTimer {
    let armed = step.instance.revision + 1
    if case .at = trigger {
      let instant = slot.milliseconds
      return ArmedTimer(transition: transition, due: max(instant, step.now), armed: armed)
    }
    let wait = max(slot.milliseconds, 0)
    let (due, overflow) = step.now.addingReportingOverflow(wait)
    var timer = ArmedTimer(transition: transition, due: overflow ? .max : due, armed: armed)
    if case .every = trigger { timer.period = max(wait, 1) }
    return timer
  }

  private func cronTimer(
    _ transition: Int, _ cron: Cron, _ zone: String, _ step: RunningStep
  ) throws(Refusal) -> ArmedTimer {
    let place = step.flow.flow.transitions[transition].place
    guard let schedule = CronSchedule(cron.schedule), let due = schedule.next(after: step.now, in: zone) else {
      throw refusal(.failed("there is no time zone \"\(zone)\"", place), step)
    }
    return ArmedTimer(transition: transition, due: due, armed: step.instance.revision + 1, zone: zone)
  }

  /// Ends a timer that has fired; one of `every` is set again, counted from when it was due. What was missed
  /// meanwhile collapses into this one firing.
  func rearm(_ index: Int, _ step: inout RunningStep) {
    var timer = step.instance.timers.remove(at: index)
    step.effects.append(.disarm(timer))
    if let zone = timer.zone, case .cron(let cron) = step.flow.flow.transitions[timer.transition].trigger {
      guard let next = CronSchedule(cron.schedule)?.next(after: max(step.now, timer.due), in: zone) else { return }
      timer.due = next
      timer.armed = step.instance.revision + 1
      step.instance.timers.append(timer)
      step.effects.append(.arm(timer))
      return
    }
    guard let period = timer.period else { return }
    let missed = max(step.now - timer.due, 0) / period
    timer.due += (missed + 1) * period
    timer.armed = step.instance.revision + 1
    step.instance.timers.append(timer)
    step.effects.append(.arm(timer))
  }

  func disarmTimers(of state: Int, _ step: inout RunningStep) {
    guard !step.flow.timers[state].isEmpty else { return }
    let flow = step.flow.flow
    for timer in step.instance.timers where flow.transitions[timer.transition].source == state {
      step.effects.append(.disarm(timer))
    }
    step.instance.timers.removeAll { flow.transitions[$0.transition].source == state }
  }
}
