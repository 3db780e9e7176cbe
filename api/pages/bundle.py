"""The scripts of a page in one file: a slow phone waits for every round of requests, however little is in it.

A bundle is named by the modules that a page asks for (`page+live+reading`), and holds what these import as well. Of
the language's ways to import and export it knows those that our modules use; a test tells of any other.
"""

import re
from collections.abc import Iterable, Mapping

IMPORT = re.compile(r"^import \{ (.+) \} from '\./(\w+)\.js';$", re.M)
EXPORT = re.compile(r"^export (?=(?:(?:async )?function|const) (\w+))", re.M)

# as between modules of their own, one that fails takes along those that need it, and no others; what a browser cannot
# even read stops them all
RUN = """const modules = {};
function run(name, module) {
  try { modules[name] = module(); } catch (error) { reportError(error); }
}
"""


def bundle(names: Iterable[str], sources: Mapping[str, str]) -> str:
    """Of `sources`: `names` and what these import, each once, behind what it imports, in a scope of its own."""
    ordered: dict[str, str] = {}
    for name in names:
        _add(name, sources, ordered)
    return RUN + "".join(_part(name, source) for name, source in ordered.items())


def _add(name: str, sources: Mapping[str, str], ordered: dict[str, str]) -> None:
    for _, needed in IMPORT.findall(sources[name]):
        if needed not in ordered:
            _add(needed, sources, ordered)
    ordered.setdefault(name, sources[name])


def _part(name: str, source: str) -> str:
    exported = ", ".join(EXPORT.findall(source))
    body = EXPORT.sub("", IMPORT.sub(_bound, source))
    return f"\nrun('{name}', () => {{\n{body}return {{ {exported} }};\n}});\n"


def _bound(found: re.Match[str]) -> str:
    return f"const {{ {found[1].replace(' as ', ': ')} }} = modules.{found[2]};"
