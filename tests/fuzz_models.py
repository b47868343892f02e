"""Mutates .tflite files and feeds them to qref: whatever the bytes, it answers soon, in little memory, or with a QrefError.

    python tests/fuzz_models.py --count 100000 --seed 0
    python tests/fuzz_models.py --count 2000 --run my_model.tflite
    python tests/fuzz_models.py --seed 0 --only 4711 --keep found

Mutant number i of a seed is always the same, so --only repeats one with its traceback. Exits with 1 if any mutant raised
anything but a QrefError, killed its process, took over --seconds, or made its process grow by more than --memory MiB.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import multiprocessing
import multiprocessing.connection
import os
import pathlib
import random
import resource
import struct
import sys
import time
import traceback

from qref.schema import Limits, QrefError, check, load
from qref.schema.verifier import _Verifier

ROOT = pathlib.Path(__file__).resolve().parents[1]
EXTREMES = [0, 1, 2, 3, 4, -1, -2, 127, 128, 255, 256, 1 << 15, 1 << 16, 1 << 20, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 62]
FLOATS = [0.0, -0.0, 1e-45, 1e-38, 3e38, -1.0, float("inf"), float("nan")]
HARD_SECONDS = 60  # a process that takes longer on one mutant is ended
RUN_LIMITS = Limits(max_tensor_bytes=4 << 20, max_total_bytes=16 << 20, max_calls=100)


class Places(_Verifier):
    """Notes where in a sound file each scalar, vector length and vector element lies, and its struct format."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data, Limits())
        self.found: list[tuple[int, str]] = []
        self.root()

    def table(self, of, position, depth):
        distances = self.vtable(of.table, position)
        for field in of.fields:
            distance = distances[field.slot] if field.slot < len(distances) else 0
            if distance:
                self.found.append((position + distance, field.scalar if field.scalar and not field.vector else "I"))
        return super().table(of, position, depth)

    def vector(self, what, field, place, depth):
        count = struct.unpack_from("<I", self.data, place)[0]
        self.found.append((place, "I"))
        size = field.struct.size
        elements = range(min(count, 8 if what == "Buffer.data" else 64))
        self.found += [(place + 4 + size * i, field.scalar or "I") for i in elements]
        return super().vector(what, field, place, depth)


def put(content: bytearray, place: int, kind: str, rng: random.Random) -> None:
    """Change one scalar: to an extreme, to a neighbour of what it was, or to anything."""
    size = struct.calcsize("<" + kind)
    if kind in "fd":
        struct.pack_into("<" + kind, content, place, rng.choice(FLOATS))
        return
    old = int.from_bytes(content[place : place + size], "little")
    new = rng.choice([rng.choice(EXTREMES), old + rng.choice([-1, 1]), rng.getrandbits(8 * size), old << 1, rng.randrange(64)])
    content[place : place + size] = (new % (1 << 8 * size)).to_bytes(size, "little")


def mutate(content: bytes, places: list[tuple[int, str]], rng: random.Random) -> bytes:
    """One mutant of a file."""
    mutant = bytearray(content)
    ways = rng.choices(["scalar", "scalars", "bits", "words", "truncate", "splice", "bytes"], [8, 6, 3, 3, 1, 2, 2])[0]
    for _ in range({"scalar": 1, "truncate": 1, "splice": 1}.get(ways, rng.randint(1, 8))):
        place = rng.randrange(len(mutant))
        if ways.startswith("scalar"):
            put(mutant, *rng.choice(places), rng)
        elif ways == "bits":
            mutant[place] ^= 1 << rng.randrange(8)
        elif ways == "words":
            place = place // 4 * 4 % max(1, len(mutant) - 4)
            struct.pack_into("<I", mutant, place, rng.choice(EXTREMES) % (1 << 32))
        elif ways == "truncate":
            del mutant[place:]
        elif ways == "splice":
            length, source = rng.randint(1, 64), rng.randrange(len(mutant))
            mutant[place : place + rng.choice([0, length])] = mutant[source : source + length]
        else:
            mutant[place] = rng.randrange(256)
    return bytes(mutant)


def mutant_number(number: int, seed: int, sources: list[tuple[bytes, list[tuple[int, str]]]]) -> bytes:
    """The bytes of one mutant."""
    rng = random.Random(f"{seed} {number}")
    return mutate(*rng.choice(sources), rng)


def feed(content: bytes, run: bool) -> str:
    """Load a mutant, read its constants and, if `run`, invoke it; returns how far it came."""
    model = load(content, limits=RUN_LIMITS)
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            model.data(tensor)
    if not run:
        return "loaded"
    check(model, limits=RUN_LIMITS)
    import qref

    interpreter = qref.Interpreter(model_content=content, kernels="numpy", limits=RUN_LIMITS)
    interpreter.allocate_tensors()
    interpreter.invoke()
    return "ran"


def grown() -> int:
    """The most memory the process has held, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def work(numbers: range, options: argparse.Namespace, sources: list, current, pipe) -> None:
    """One process: feed mutants and report (number, outcome, seconds, bytes grown, bad)."""
    for content, _ in sources:
        with contextlib.suppress(Exception):  # what is imported and compiled once is not counted; mutants show what fails
            feed(content, options.run)
    start = grown()
    with open("/proc/self/statm") as file:
        held = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + 2 * (options.memory << 20),) * 2)
    for number in numbers:
        current.value = number
        content = mutant_number(number, options.seed, sources)
        began, busy = time.perf_counter(), time.process_time()
        bad = False
        try:
            outcome = feed(content, options.run)
        except QrefError as error:
            outcome = type(error).__name__
        except BaseException as error:
            outcome, bad = type(error).__name__, True
            if options.only is not None:
                traceback.print_exc()
        seconds = min(time.perf_counter() - began, time.process_time() - busy)  # other programs' work is not counted
        growth = grown() - start
        pipe.send((number, outcome, seconds, growth, bad))
    pipe.close()


class Report:
    """Counts outcomes and keeps what is bad."""

    def __init__(self, options: argparse.Namespace, sources: list) -> None:
        self.options, self.sources = options, sources
        self.outcomes: collections.Counter[str] = collections.Counter()
        self.slowest, self.largest = (0.0, -1), (0, -1)
        self.bad: list[str] = []

    def add(self, number: int, outcome: str, seconds: float, growth: int, bad: bool) -> None:
        self.outcomes[outcome] += 1
        self.slowest = max(self.slowest, (seconds, number))
        self.largest = max(self.largest, (growth, number))
        if bad or seconds > self.options.seconds or growth > self.options.memory << 20:
            self.bad.append(f"mutant {number}: {outcome}, {seconds:.2f} s, {growth >> 20} MiB")
            if self.options.keep:
                os.makedirs(self.options.keep, exist_ok=True)
                path = pathlib.Path(self.options.keep, f"{self.options.seed}_{number}.tflite")
                path.write_bytes(mutant_number(number, self.options.seed, self.sources))

    def print(self) -> None:
        print(f"{sum(self.outcomes.values())} mutants of {len(self.sources)} files, seed {self.options.seed}")
        for outcome, count in self.outcomes.most_common():
            print(f"  {outcome:22}{count}")
        print(f"slowest: {self.slowest[0]:.3f} s (mutant {self.slowest[1]})")
        print(f"largest growth of a process: {self.largest[0] >> 20} MiB (mutant {self.largest[1]})")
        for line in self.bad[:20]:
            print("BAD", line)


def oversee(numbers: range, options: argparse.Namespace, sources: list, report: Report) -> None:
    """Run processes until every number is done; one that dies or hangs costs its mutant alone."""
    context = multiprocessing.get_context("fork")
    todo = [numbers[start :: options.workers] for start in range(options.workers)]
    running: dict = {}

    def begin(some: range) -> None:
        if len(some):
            current = context.Value("q", some[0])
            receive, send = context.Pipe(duplex=False)
            process = context.Process(target=work, args=(some, options, sources, current, send))
            process.start()
            send.close()
            running[receive] = (process, current, some)

    for some in todo:
        begin(some)
    last = dict.fromkeys(running, time.monotonic())
    while running:
        for pipe in multiprocessing.connection.wait(list(running), timeout=5):
            try:
                report.add(*pipe.recv())
                last[pipe] = time.monotonic()
                continue
            except EOFError:
                process, current, some = running.pop(pipe)
            process.join()
            if process.exitcode:
                report.add(current.value, f"process ended with {process.exitcode}", 0.0, 0, True)
                begin(some[some.index(current.value) + 1 :])
        for pipe, (process, *_) in running.items():
            if time.monotonic() - last.setdefault(pipe, time.monotonic()) > HARD_SECONDS + (60 if options.run else 0):
                process.kill()


def main() -> int:
    """Parse the command line, feed the mutants, print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=pathlib.Path, help="further seed files, or folders of them")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="feed this mutant alone and show its traceback")
    parser.add_argument("--run", action="store_true", help="also allocate and invoke")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--memory", type=int, default=1024, help="MiB")
    parser.add_argument("--keep", help="folder for the mutants that are bad")
    options = parser.parse_args()
    paths = sorted((ROOT / "qref" / "models").glob("*.tflite"))
    for path in options.paths:
        paths += sorted(path.rglob("*.tflite")) if path.is_dir() else [path]
    if not paths:
        parser.error("no bundled models here: give paths of .tflite files")
    contents = [path.read_bytes() for path in paths]
    sources = [(content, Places(content).found) for content in contents]
    numbers = range(options.count) if options.only is None else range(options.only, options.only + 1)
    report = Report(options, sources)
    oversee(numbers, options, sources, report)
    report.print()
    return 1 if report.bad else 0


if __name__ == "__main__":
    sys.exit(main())
