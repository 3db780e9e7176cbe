"""Programs of others that judge what we have sealed. Each says of each file what is wrong with it, or nothing."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

HERE = Path(__file__).parent

SIGNATURES = "pdfbox2 fontbox2 commons-logging bcprov bcpkix bcutil"
PREFLIGHT = f"{SIGNATURES} preflight xmpbox javax.activation jaxb-api"
"""Jars of Debian's libpdfbox2-java and libbcpkix-java; Preflight wants libactivation-java and libjaxb-api-java, too."""

JARS = Path("/usr/share/java")

SECONDS = 120
"""Within which a program has to answer."""

Verdicts = dict[Path, str]
"""What is wrong with each file; empty where nothing is."""


def demand(tool: str, package: str) -> None:
    """Skip the test, saying so, where a tool is missing; in CI, which has to install it, fail."""
    if shutil.which(tool) is None and not Path(tool).exists():
        assert "CI" not in os.environ, f"CI has to install Debian's package {package}"
        pytest.skip(f"no {tool}: its verdict is NOT tested in this run (Debian: apt-get install {package})")


def said(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """What a program answers in English, whatever it ends with."""
    english = {**os.environ, "LC_ALL": "C.UTF-8"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=english, timeout=SECONDS)


def pdfsig(files: Sequence[Path], trusted: Path) -> Verdicts:
    """Poppler, whose trust is a store of NSS."""
    demand("pdfsig", "poppler-utils")
    demand("certutil", "libnss3-tools")
    wanted = ("Signature is Valid", "Total document signed", "Certificate is Trusted")

    def wrong(answer: str) -> str:
        signatures = answer.count("Signature #") - answer.count("form field is not signed")
        is_well = all(words in answer for words in wanted) and signatures == 1
        return "" if is_well else answer

    with tempfile.TemporaryDirectory() as folder:
        store = f"sql:{folder}"
        for words in (("-N", "--empty-password"), ("-A", "-n", "trusted", "-t", "C,C,C", "-i", trusted)):
            assert said("certutil", "-d", store, *words).returncode == 0
        return {file: wrong(said("pdfsig", "-nssdir", store, file).stdout) for file in files}


def mutool(files: Sequence[Path], _: Path) -> Verdicts:
    """MuPDF, which trusts no certificate but those that it comes with."""
    demand("mutool", "mupdf-tools")

    def wrong(done: subprocess.CompletedProcess[str]) -> str:
        is_well = done.stdout.count("The document is unchanged since signing.") == 1
        signatures = done.stdout.count("Verifying signature") - done.stdout.count("Signature is not signed.")
        return "" if is_well and signatures == 1 else done.stdout + done.stderr

    return {file: wrong(said("mutool", "sign", "-v", file)) for file in files}


def pyhanko(files: Sequence[Path], trusted: Path) -> Verdicts:
    return _lines(said(sys.executable, "-I", HERE / "hanko_verifier.py", trusted, *files))


def pdfbox(files: Sequence[Path], trusted: Path) -> Verdicts:
    return _lines(_java("SealVerifier", SIGNATURES, trusted, *files))


STRANGERS: dict[str, Callable[[Sequence[Path], Path], Verdicts]] = {
    "pdfsig": pdfsig,
    "mutool": mutool,
    "pyHanko": pyhanko,
    "PDFBox": pdfbox,
}
"""Each takes files, and the certificate to trust."""


def preflight(files: Sequence[Path]) -> Verdicts:
    """Codes of the errors that PDFBox's Preflight finds against PDF/A-1b."""
    return _lines(_java("Preflight", PREFLIGHT, *files))


def qpdf(file: Path) -> list[str]:
    """Warnings and errors, without the file's name."""
    demand("qpdf", "qpdf")
    done = said("qpdf", "--check", file)
    return sorted(line.replace(str(file), "") for line in done.stderr.splitlines())


def _java(program: str, jars: str, *arguments: Path) -> subprocess.CompletedProcess[str]:
    demand("javac", "default-jdk-headless")
    paths = [JARS / f"{jar}.jar" for jar in jars.split()]
    for path in paths:
        demand(str(path), "libpdfbox2-java, libbcpkix-java, libactivation-java and libjaxb-api-java")
    return said("java", "-cp", ":".join(map(str, paths)), HERE / "java" / f"{program}.java", *arguments)


def _lines(done: subprocess.CompletedProcess[str]) -> Verdicts:
    assert done.returncode == 0, done.stderr
    return {Path(file): wrong for file, _, wrong in (line.partition("\t") for line in done.stdout.splitlines())}
