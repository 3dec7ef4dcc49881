"""Computes the commitment of a run record as docs/src/format/commitment.md defines it. Prints root and days."""
import hashlib, itertools, json, sys

def sha(data): return hashlib.sha256(data).digest()

def root(leaves):  # RFC 6962, 2.1
    if not leaves: return sha(b"")
    if len(leaves) == 1: return sha(b"\0" + leaves[0])
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha(b"\1" + root(leaves[:split]) + root(leaves[split:]))

def leaf(*fields): return "".join(f"{field}\n" for field in fields).encode()

days, chain = {}, None  # (run of equal days) -> digests -> lines
for line in sys.stdin.buffer.read().split(b"\n")[:-1]:
    event = json.loads(line)
    if event["event"] == "chain-started": chain = event["chain"]
    elif event["event"] == "digest-judged":
        names = ("account", "source_region", "trail", "home_region", "organization")
        day = (*(chain[name] or "" for name in names), event["kind"], event["end"][:10])
        if not days or list(days)[-1][1:] != day: days[(len(days), *day)] = []
        list(days.values())[-1].append((event["end"], [line]))
    elif event["event"] == "log-judged": list(days.values())[-1][-1][1].append(line)

level2 = lambda end, lines: leaf("digest", end, len(lines), root(lines).hex())
level3 = lambda day, digests: leaf("day", *day[1:], len(digests), root([level2(*d) for d in digests]).hex())
print(root([level3(*item) for item in days.items()]).hex(), len(days))
