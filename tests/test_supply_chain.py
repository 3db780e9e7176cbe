"""What comes from elsewhere is pinned and may be used; nothing secret is kept in the tree; SECURITY.md is true."""

import ast
import json
import math
import re
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


# -- packages


def pinned(lock: Path) -> list[str]:
    """Each entry of a lock, with the lines of its hashes."""
    text = re.sub(r"\s*\\\n\s*", " ", lock.read_text())
    return [line for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_package_is_one_version_with_hashes_from_no_address(lock: Path) -> None:
    entries = pinned(lock)
    assert len(entries) > 40
    for entry in entries:
        assert re.fullmatch(
            r"[a-z0-9-]+(\[[a-z0-9,-]+\])?==[\w.!+]+( ; [^@]+?)?( --hash=sha256:[0-9a-f]{64})+\s*", entry
        ), entry.partition(" --hash")[0]


def test_each_lock_keeps_the_versions_of_the_smaller_one() -> None:
    versions = {lock.stem: {entry.partition(" ")[0] for entry in pinned(lock)} for lock in LOCKS}
    assert versions["service"] <= versions["local"] <= versions["test"]


def test_every_dependency_says_what_it_is_for() -> None:
    lines = re.findall(r'^    "[A-Za-z][^"]*(?:[=<>]=)[^"]*",.*$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert len(lines) > 30
    assert [line for line in lines if not re.search(r"#\s+\S+ \S+", line)] == []


MAY_BE_USED = {
    *("0BSD", "Apache-2.0", "BlueOak-1.0.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "MIT", "MIT-0", "MIT-CMU"),
    *("PSF-2.0", "Zlib"),
    *("MPL-2.0", "LGPL"),  # used as they are, from packages of their own
    "OFL-1.1",  # of fonts
}
AS_WRITTEN = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""Other names of these."""

SAID_ELSEWHERE = {
    "axe-playwright-python": "MIT AND MPL-2.0",  # its own, and that of the axe-core in it
    "noto-cjk-sans-jp-regular": "OFL-1.1",
    "pypdfium2": "BSD-3-Clause AND Apache-2.0",  # `dependency licenses` are PDFium's, permissive like its own
}
"""Of packages whose metadata names none, or not in so many words; looked up in what they carry."""


def licence(package: str) -> str:
    """As the package's metadata says it, most exact first."""
    told = metadata.metadata(package)
    classified = [word.rpartition(" :: ")[2] for word in told.get_all("Classifier") or [] if word.startswith("License")]
    named = [word for word in classified if word != "OSI Approved"]
    return told["License-Expression"] or "; ".join(named) or (told["License"] or "").strip().split("\n")[0]


def unknown(told: str) -> set[str]:
    """What of it is not among the licences that may be used."""
    told = told[1:-1] if told.startswith("(") else told
    return {part for part in re.split(" AND | OR |; ", told) if AS_WRITTEN.get(part, part) not in MAY_BE_USED}


@cache
def installed() -> dict[str, str]:
    """Licence of each locked package that this machine needs."""
    found = {}
    for entry in pinned(ROOT / "requirements" / "test.txt"):
        package = re.split(r"[=\[]", entry)[0]
        try:
            found[package] = SAID_ELSEWHERE.get(package) or licence(package)
        except metadata.PackageNotFoundError:
            assert ";" in entry, f"{package} is locked and not installed"
    return found


def test_every_licence_is_known_and_may_be_used() -> None:
    assert len(installed()) > 100
    assert {package: told for package, told in installed().items() if unknown(told)} == {}


@pytest.mark.parametrize(
    "told", ["GPL-3.0-or-later", "GNU Affero General Public License v3", "MIT AND SSPL-1.0", "Proprietary", ""]
)
def test_a_licence_that_asks_for_too_much_is_told(told: str) -> None:
    assert unknown(told)


def test_what_benchmarks_compare_with_is_pinned_with_hashes_too() -> None:
    packages = json.loads((ROOT / "benchmarks" / "node" / "package-lock.json").read_text())["packages"]
    others = {name: told for name, told in packages.items() if name}
    assert len(others) > 5
    for name, told in others.items():
        assert told["integrity"].startswith("sha512-"), name
        assert not unknown(told["license"]), name


def test_no_security_rule_is_switched_off_for_what_runs() -> None:
    """Ruff's (`S`): but for the two that stand with their reason in pyproject.toml."""
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    assert "S" in rules["select"]
    assert {rule for rule in rules["ignore"] if rule.startswith("S")} == {"S608", "S101"}
    assert [path for path, off in rules["per-file-ignores"].items() if "S" in off] == ["tests/**"]


# -- secrets


def tree() -> Iterator[tuple[Path, str]]:
    """Every text file that is kept."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    for name in sorted(filter(None, listed.stdout.decode().split("\0"))):
        try:
            yield Path(name), (ROOT / name).read_text()
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue


SECRETS = {
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a cloud key": r"\b(AKIA|ASIA)[0-9A-Z]{16}\b",
    "a forge's token": r"\bgh[pousr]_[A-Za-z0-9]{36}|\bglpat-[\w-]{20}|\bgithub_pat_\w{22}",
    "a chat's token": r"\bxox[abprs]-[\w-]{10,}",
    "a payment key": r"\b[sr]k_(live|test)_\w{16,}",
    "a signed token": r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.",
    "a password in an address": r"\b[a-z]+://[^\s/:@{}$'\"]+:(?!password@|secret@|\d+@)[^\s/@{}$'\"]{3,}@",
}
RANDOM = re.compile(r"(?<![\w+/=-])[A-Za-z0-9+/_-]{32,}={0,2}(?![\w+/=-])")
"""What may be a key in base64 or hexadecimal."""
WRITTEN = ("requirements/", "tests/histories/", "benchmarks/node/package-lock.json")
"""Made by programs and full of hashes: what looks random there says nothing."""
HARMLESS = {
    "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY": "the alphabet: the key of tests",
}


def entropy(text: str) -> float:
    """Bits for each character."""
    return -sum(many / len(text) * math.log2(many / len(text)) for many in Counter(text).values())


def is_random(text: str) -> bool:
    """As keys are: no words, many different characters."""
    letters = text.rstrip("=")
    mixed = bool(re.search("[0-9]", letters) and re.search("[A-Z]", letters) and re.search("[a-z]", letters))
    return bool(re.fullmatch("[0-9a-f]{32,}", letters) and entropy(letters) > 3) or (mixed and entropy(letters) > 4.2)


def secrets_in(text: str, *, random: bool = True) -> list[str]:
    found = [what for what, pattern in SECRETS.items() if re.search(pattern, text)]
    words = RANDOM.findall(text) if random else []
    return found + [word for word in words if is_random(word) and word.rstrip("=") not in HARMLESS]


def test_no_secret_stands_in_the_tree() -> None:
    seen, found = 0, {}
    for path, text in tree():
        seen += 1
        if secret := secrets_in(text, random=not str(path).startswith(WRITTEN)):
            found[str(path)] = secret
    assert seen > 200
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN EC " + "PRIVATE KEY-----",
        "postgresql://owner:" + "hunter22" + "@db/share",
        "k1:" + "q83vEjRWeJCrze8SNFZ4kKvN7xI0" + "VniQq83vEjRWeJA=",
        "token = '" + "9f86d081884c7d65" + "9a2feaa0c55ad015" + "a3bf4f1b2b0b822c" + "d15d6c15b0f00a08'",
    ],
)
def test_a_secret_would_be_told(text: str) -> None:
    assert secrets_in(text)


# -- what SECURITY.md says


SECURITY = (ROOT / "SECURITY.md").read_text()
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
NO_TEST = ("V12", "V17")
"""Chapters that say themselves that nothing of ours proves them."""


def test_each_test_that_security_md_names_exists() -> None:
    named = set(NAMED.findall(SECURITY))
    assert len(named) > 60
    for file, name in named:
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        body = ast.parse((ROOT / file).read_text()).body
        assert name in {node.name for node in body if isinstance(node, functions)}, f"{file}::{name}"


def test_security_md_claims_nothing_without_a_test() -> None:
    defences = SECURITY.partition("## With what, and the proof")[2].partition("\n## ")[0]
    claims = [paragraph for paragraph in defences.split("\n\n") if paragraph.strip()]
    assert len(claims) >= 9
    assert [claim for claim in claims if not NAMED.search(claim)] == []


@pytest.mark.parametrize(
    "section",
    [f"164.312({letter})" for letter in ("a)(1", "a)(2)(ii", "a)(2)(iii", "a)(2)(iv", "b", "c)(1", "d", "e)(1")]
    + [f"V{number}" for number in range(1, 18)],
)
def test_security_md_answers_each_paragraph_and_chapter(section: str) -> None:
    """45 CFR 164.312 has five standards, OWASP ASVS 5.0 seventeen chapters."""
    (row,) = re.findall(rf"^\| {re.escape(section)}[ ,].*$", SECURITY, re.MULTILINE)
    assert NAMED.search(row) or section in NO_TEST


def test_security_md_fits_on_a_few_pages_and_says_how_to_report() -> None:
    assert len(SECURITY.split()) < 1800
    assert "## Reporting" in SECURITY
    assert "## Known gaps" in SECURITY
