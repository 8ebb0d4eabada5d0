#!/usr/bin/env python3
"""Writes Sources/Language/CEL/Values/TimeZones+{Names,Data1,Data2}.swift from the compiled zone files of this machine's tzdata.

usage: Sources/Language/CEL/Values/time_zones.py [ZONEINFO]
"""
import base64
import calendar
import os
import struct
import sys
import zoneinfo
from datetime import datetime, timezone

ROOT = sys.argv[1] if len(sys.argv) > 1 else "/usr/share/zoneinfo"


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def signed(value):
    return varint(value << 1 if value >= 0 else (-value << 1) - 1)


def read(path):
    """The offset before all transitions, the transitions as (seconds, offset), and the rule for what follows."""
    data = open(path, "rb").read()
    if data[:4] != b"TZif" or data[4] < ord("2"):
        return None
    sizes = struct.unpack(">6l", data[20:44])
    skip = 44 + sizes[3] * 5 + sizes[4] * 6 + sizes[5] + sizes[2] * 8 + sizes[1] + sizes[0]
    isut, isstd, leap, times, types, chars = struct.unpack(">6l", data[skip + 20 : skip + 44])
    at = skip + 44
    instants = struct.unpack(f">{times}q", data[at : at + times * 8])
    at += times * 8
    kinds = data[at : at + times]
    at += times
    offsets = [struct.unpack(">lbb", data[at + 6 * i : at + 6 * i + 6])[0] for i in range(types)]
    at += types * 6 + chars + leap * 12 + isstd + isut
    rule = data[at:].strip(b"\n").decode()
    changes = []
    before = offsets[0]
    last = before
    for instant, kind in zip(instants, kinds):
        if instant < -(1 << 40):
            before = last = offsets[kind]
        elif offsets[kind] != last:
            changes.append((instant, offsets[kind]))
            last = offsets[kind]
    return before, changes, rule


def trimmed(before, changes, rule):
    """Leaves out the last transitions as far as the rule gives the same ones."""
    if not rule:
        return changes
    # A zone file of nothing but the rule tells what the rule says.
    zone = rule_zone(rule)
    while len(changes) > 1:
        start = changes[-2][0]
        instant, offset = changes[-1]
        probes = list(range(start, instant, 86400 * 20)) + [instant - 1, instant, instant + 1]
        wanted = [changes[-2][1] if p < instant else offset for p in probes]
        if [zone(p) for p in probes] != wanted:
            break
        changes = changes[:-1]
    return changes


def rule_zone(rule):
    header = b"TZif2" + b"\0" * 15 + struct.pack(">6l", 0, 0, 0, 0, 1, 1) + struct.pack(">lbb", 0, 0, 0) + b"\0"
    import io

    zone = zoneinfo.ZoneInfo.from_file(io.BytesIO(header + header + b"\n" + rule.encode() + b"\n"))

    def offset(seconds):
        time = datetime.fromtimestamp(seconds, timezone.utc).astimezone(zone)
        return int(time.utcoffset().total_seconds())

    return offset


def main():
    names = {}
    zones = []
    known = {}
    for name in sorted(zoneinfo.available_timezones()):
        path = os.path.join(ROOT, name)
        if not os.path.isfile(path) or name in ("Factory", "localtime"):
            continue
        found = read(path)
        if not found:
            continue
        before, changes, rule = found
        changes = trimmed(before, changes, rule)
        data = varint(len(rule)) + rule.encode() + signed(before) + varint(len(changes))
        last = -(1 << 36)
        for instant, offset in changes:
            data += varint(instant - last) + signed(offset)
            last = instant
        if data not in known:
            known[data] = len(zones)
            zones.append(data)
        names.setdefault(known[data], []).append(name)
    blob = b"".join(varint(len(zone)) + zone for zone in zones)
    lines = []
    for index in range(len(zones)):
        line = ""
        for name in names[index]:
            if len(line) + len(name) > 110:
                lines.append(f"{line} \\")
                line = ""
            line = f"{line} {name}" if line else name
        lines.append(line)
    write("Names", "names", "The names of each zone on a line, in the order of the data.", lines)
    text = base64.b64encode(blob).decode()
    lines = [text[start : start + 114] for start in range(0, len(text), 114)]
    half = len(lines) // 2
    about = "Of each zone its length, its rule, its first offset and its transitions, in base64"
    write("Data1", "dataStart", about + ": the first half.", lines[:half])
    write("Data2", "dataEnd", about + ": the second half.", lines[half:])


def write(file, constant, about, lines):
    with open(f"Sources/Language/CEL/Values/TimeZones+{file}.swift", "w") as out:
        print("// Written by Sources/Language/CEL/Values/time_zones.py from the IANA time zone database, which is in the public domain.", file=out)
        print("", file=out)
        print("extension TimeZones {", file=out)
        print(f"  /// {about}", file=out)
        print(f'  static let {constant} = """', file=out)
        for line in lines:
            print(f"    {line}", file=out)
        print('    """', file=out)
        print("}", file=out)


main()
