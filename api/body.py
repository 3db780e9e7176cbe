"""What requests and answers carry."""

from collections.abc import Iterable
from typing import Any, Self

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """Never printed but for its type: nearly all that goes over the wire is somebody's (SPEC A7)."""

    model_config = ConfigDict(hide_input_in_errors=True)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        return ()

    @classmethod
    def of(cls, found: Any) -> Self:
        """What is found under the same names in a record of ours."""
        return cls.model_validate(found, from_attributes=True)
