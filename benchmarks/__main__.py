"""`./sts bench`: run the benchmark that is named, or all there are; options without a name go to each."""

import argparse
import sys

from benchmarks import corpus, faults, lifecycle, pages, paper

BENCHMARKS = {"lifecycle": lifecycle, "paper": paper, "pages": pages, "corpus": corpus, "faults": faults}
"""Each module has `options`, which names its words, and `run`, which takes them and may return an exit code."""

NAMED_ONLY = {"pages", "corpus", "faults"}
"""Run only when they are named: they need a browser, need a folder, or measure no speed (and are `./sts faults`)."""


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./sts bench", description=__doc__)
    named = parser.add_subparsers(required=True, metavar="|".join(BENCHMARKS))
    for name, benchmark in BENCHMARKS.items():
        own = named.add_parser(name, help=(benchmark.__doc__ or "").splitlines()[0])
        benchmark.options(own)
        own.set_defaults(run=benchmark.run)
    one = words and (words[0] in BENCHMARKS or not words[0].startswith("-") or words[0] in {"-h", "--help"})
    code = 0
    for asked in [words] if one else [[name, *words] for name in BENCHMARKS if name not in NAMED_ONLY]:
        chosen = parser.parse_args(asked)
        code = max(code, chosen.run(chosen) or 0)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
