"""What clients read is plain: grade 8 at most in English, and its like in Spanish (health agencies ask for 6 to 8)."""

import re
from itertools import chain

import pytest

from activities.notify import IN as MAIL
from api.languages import extract
from chart import consent

OF_CLIENTS = (
    *(
        f"api/pages/templates/{place}"
        for place in ("portal/", "door/", "account/", "parts.html", "signing.html", "staying")
    ),
    *("api/pages/templates/verify.html", "api/pages/static/", "api/pages/standing.py", "api/pages/verify.py"),
    *("api/pages/portal.py", "api/pages/door.py", "api/pages/account.py", "identity/", "chart/request.py"),
)
FOR_STAFF = {
    "identity/api_key.py",
    "identity/policy.py",
    "identity/caller.py",
    "identity/single_sign_on.py",
    "identity/staff.py",
}

HARDEST = 8.0
"""Flesch-Kincaid grade over all that clients read."""
HARDEST_TEXT = 10.0
"""Of any single text of ten words or more; one long word makes a short text look harder than it is."""
EASIEST = 70.0
"""Fernández Huerta, below which a text is harder than 'rather easy' (sixth grade)."""
EASIEST_TEXT = 40.0
"""Of any single text; *consultorio* or *autenticación* weigh as much here as the long word does in English."""


def words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+(?:[’'-][^\W\d_]+)*", text)


def sentences(text: str) -> int:
    return max(1, len(re.findall(r"[.?!](?:\s|$)", text)))


def english_syllables(word: str) -> int:
    """Groups of vowels, without a silent e: right for nine words of ten, which is what the formula was made with."""
    found = len(re.findall(r"[aeiouy]+", re.sub(r"(?:[^aeiouy]e[ds]?|[^l]e)$", "", word.lower())))
    return max(1, found + word.lower().endswith(("ted", "ded", "les", "ses")))


def spanish_syllables(word: str) -> int:
    """Vowels, of which a weak one beside another makes one sound, unless it bears an accent."""
    strong, weak = "aeoáéóíú", "iuüy"
    return max(1, len(re.findall(rf"[{weak}]?[{strong}][{weak}]?|[{weak}]+", word.lower())))


def grade(text: str) -> float:
    """Flesch-Kincaid: the school year in which it is understood (Kincaid, Fishburne, Rogers, Chissom 1975)."""
    found = words(text)
    return 0.39 * len(found) / sentences(text) + 11.8 * sum(map(english_syllables, found)) / len(found) - 15.59


def ease(text: str) -> float:
    """Fernández Huerta (1959): 100 is very easy, 60 to 70 normal, below 30 very difficult."""
    found = words(text)
    return 206.84 - 60 * sum(map(spanish_syllables, found)) / len(found) - 1.02 * len(found) / sentences(text)


def read_by_clients() -> list[tuple[str, str]]:
    """Whole sentences in English and Spanish; what is filled in counts for nothing."""
    found = []
    for message in extract.read("es"):
        places = [place for place, _ in message.locations]
        if not message.id or not any(place.startswith(OF_CLIENTS) and place not in FOR_STAFF for place in places):
            continue
        english = message.id if isinstance(message.id, str) else message.id[1]
        pair = (english, extract.strings(message)[-1])
        if len(words(english)) >= 4:
            found.append(tuple(extract.FIELD.sub("7", re.sub(r"<[^>]+>", "", text)) for text in pair))
    consents = zip(consent.worded("").paragraphs, consent.worded("", "es").paragraphs, strict=True)
    mails = ((MAIL["en"].body, MAIL["es"].body), (MAIL["en"].reminding, MAIL["es"].reminding))
    return [(one[0].format(link=""), one[1].format(link="")) for one in mails] + [
        (one[0], one[1]) for one in chain(found, consents)
    ]


READ = read_by_clients()


def test_what_clients_read_in_english_is_plain() -> None:
    assert len(READ) > 150
    assert grade("\n".join(english for english, _ in READ)) <= HARDEST


def test_what_clients_read_in_spanish_is_plain() -> None:
    assert ease("\n".join(spanish for _, spanish in READ)) >= EASIEST


@pytest.mark.parametrize("pair", [pair for pair in READ if len(words(pair[0])) >= 10], ids=lambda pair: pair[0][:60])
def test_no_text_is_hard_on_its_own(pair: tuple[str, str]) -> None:
    english, spanish = pair
    assert grade(english) <= HARDEST_TEXT
    assert ease(spanish) >= EASIEST_TEXT


@pytest.mark.parametrize(
    ("word", "count"), [("sign", 1), ("document", 3), ("Signature", 3), ("waits", 1), ("closed", 1), ("needed", 2)]
)
def test_english_syllables(word: str, count: int) -> None:
    assert english_syllables(word) == count


@pytest.mark.parametrize(
    ("word", "count"),
    [("firma", 2), ("documento", 4), ("sesión", 2), ("país", 2), ("aplicación", 4), ("usted", 2), ("día", 2)],
)
def test_spanish_syllables(word: str, count: int) -> None:
    assert spanish_syllables(word) == count
