"""The command line of `scripts/fuzz`."""

import argparse
import faulthandler
import sys
import time

from fuzzing.formats import FORMATS
from fuzzing.run import fuzz

parser = argparse.ArgumentParser(prog="scripts/fuzz", description="Spoilt files of every format that paribus reads.")
parser.add_argument("--inputs", type=int, default=100_000)
parser.add_argument("--seconds", type=float, default=900.0, help="stop after so long")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--start", type=int, default=0, help="number of the first input, to repeat one with --inputs 1")
parser.add_argument("--only", choices=[*FORMATS], help="one format")
given = parser.parse_args()

faulthandler.enable()
started = time.monotonic()
tally = fuzz(given.seed, range(given.start, given.start + given.inputs), given.seconds, given.only)
print(f"{'format':12} {'taken':>8} {'refused':>8}")
for name in FORMATS:
    print(f"{name:12} {tally.read[name]:8,} {tally.refused[name]:8,}")
n_failed = sum(map(len, tally.failed.values()))
print(f"{tally.n:,} inputs of seed {given.seed} in {time.monotonic() - started:.0f} s, {n_failed} failures", end="; ")
print(f"the slowest took {tally.slowest[0]:.1f} s ({tally.slowest[1]})")
only = f" --only {given.only}" if given.only else ""
for what, numbers in sorted(tally.failed.items(), key=lambda each: -len(each[1])):
    print(f"FAILED {len(numbers)} times: {what}")
    print(f"  repeat with: scripts/fuzz --seed {given.seed} --start {numbers[0]} --inputs 1{only}")
sys.exit(bool(n_failed))
