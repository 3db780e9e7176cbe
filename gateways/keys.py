"""Secret keys as settings give them: `id:base64,id:base64`, the first in use, the others for what is older."""

import base64

Keys = dict[str, bytes]
"""32 bytes by their id, in the order in which they were given."""


def read_keys(text: str, setting: str) -> Keys:
    """Read the text of `setting`; a `ValueError` names what is wrong with it and never the key."""
    keys: Keys = {}
    for number, entry in enumerate(text.split(","), start=1):
        key_id, _, encoded = entry.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except ValueError:
            key = b""
        if not key_id or len(key) != 32:
            raise ValueError(f"{setting}: entry {number} is not `id:base64 of 32 bytes`")
        keys[key_id] = key
    return keys
