"""Prints due times of random schedules in random zones, one case a line, as a reference for the schedules of Flow.

The fields are computed by croniter, the zones by zoneinfo, and Flow's rules for clock changes are applied here: a local
time that is skipped counts as the end of the gap, and one that occurs twice counts the first time only.
usage: time_cases.py COUNT SEED
"""
import random
import re
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from croniter import croniter

UTC = timezone.utc
ZONES = """UTC Europe/Berlin Europe/London Europe/Dublin Europe/Lisbon America/New_York America/Los_Angeles America/Sao_Paulo
America/St_Johns America/Santiago America/Havana Asia/Kathmandu Asia/Tehran Asia/Kolkata Asia/Tokyo Asia/Jerusalem
Asia/Gaza Africa/Cairo Africa/Casablanca Australia/Lord_Howe Australia/Sydney Pacific/Apia Pacific/Chatham
Pacific/Kiritimati Antarctica/Troll America/Asuncion America/Nuuk""".split()
MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
DAYS = "SUN MON TUE WED THU FRI SAT".split()


def instant(local, zone):
    """The first instant at which clocks show a local time, or the end of the gap that skips it."""
    first = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == local:
        return first
    low = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    high = first
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high + timedelta(seconds=-high.second % 60)


def next_due(schedule, zone, after):
    """The first due time after an instant: a change of the clocks may move it before those of earlier local times."""
    local = after.astimezone(zone).replace(tzinfo=None) - timedelta(days=2)
    # croniter takes `5-5` for the whole field.
    times = croniter(re.sub(r"\b(\d+)-\1\b(/\d+)?", r"\1", schedule), local)
    best = None
    while True:
        found = times.get_next(datetime)
        due = instant(found, zone)
        if due > after and (best is None or due < best):
            best = due
        if best is not None and found - best.replace(tzinfo=None) > timedelta(days=2):
            return best


def field(chance, low, high, names=None, last=None):
    def value():
        number = chance.randint(low, high)
        return names[number - low] if names and chance.random() < 0.5 else str(number)

    kind = chance.random()
    if kind < 0.3:
        return "*"
    if kind < 0.55:
        return value()
    if kind < 0.65:
        # A step of the whole field would be `*` to croniter, and a restriction to Flow.
        return f"*/{chance.randint(2, high)}"
    if kind < 0.75:
        return ",".join(sorted({str(chance.randint(low, high)) for _ in range(3)}, key=int))
    start, end = sorted((chance.randint(low, high), chance.randint(low, high)))
    if (start, end) == (low, high):
        end -= 1
    if last and kind < 0.8:
        return last
    return f"{start}-{end}" if kind < 0.9 else f"{start}-{end}/{chance.randint(2, 7)}"


def schedule(chance):
    return " ".join(
        [
            field(chance, 0, 59),
            field(chance, 0, 23),
            field(chance, 1, 28, last="L"),
            field(chance, 1, 12, MONTHS),
            field(chance, 0, 6, DAYS),
        ]
    )


def main():
    count, chance = int(sys.argv[1]), random.Random(int(sys.argv[2]))
    for _ in range(count):
        name, text = chance.choice(ZONES), schedule(chance)
        zone = ZoneInfo(name)
        after = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=chance.randrange(20 * 366 * 24 * 60))
        if chance.random() < 0.5:
            # Near a change of the clocks, if the zone has one in the next year.
            for _ in range(366):
                if after.astimezone(zone).utcoffset() != (after + timedelta(days=1)).astimezone(zone).utcoffset():
                    break
                after += timedelta(days=1)
        dues, last = [], after
        for _ in range(3):
            last = next_due(text, zone, last)
            dues.append(str(int(last.timestamp())))
        print(text, name, int(after.timestamp()), " ".join(dues), sep="|")


main()
