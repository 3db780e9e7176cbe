"""Whether each file carries one signature over all of it: by pyHanko's validator.

Run as `python -I hanko_verifier.py TRUSTED.pem FILE…`, an interpreter that can import nothing of ours. A line for each
file: its name, and what is wrong with it, or nothing.
"""

import logging
import sys
from pathlib import Path

from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext


def wrong(file: Path, trusted: str) -> str:
    root = load_cert_from_pemder(trusted)  # type: ignore[no-untyped-call]
    context = ValidationContext(trust_roots=[root], allow_fetching=False)
    with file.open("rb") as opened:
        signatures = PdfFileReader(opened).embedded_regular_signatures
        if len(signatures) != 1:
            return f"{len(signatures)} signatures"
        status = validate_pdf_signature(signatures[0], context)
    if status.coverage != SignatureCoverageLevel.ENTIRE_FILE:
        return "it does not cover the whole file"
    return "" if status.bottom_line else str(status)


def main(trusted: str, *files: str) -> None:
    logging.disable()
    for file in files:
        try:
            print(file, wrong(Path(file), trusted), sep="\t")
        except Exception as error:  # whatever pyHanko raises is its verdict
            print(file, repr(error), sep="\t")


if __name__ == "__main__":
    main(*sys.argv[1:])
