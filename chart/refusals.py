"""Why something is refused, in a sentence for the person who asked; the API maps each class to a problem type."""

from chart.text import Text


class Refusal(Exception):
    """The request is understood and will not be done; `str()` of it says why and what to do instead.

    In English; what is filled in is named, as in `Text`, so that pages can say it in the reader's language.
    """

    def __init__(self, message: str = "", **named: object) -> None:
        super().__init__(Text(message, **named))

    def __str__(self) -> Text:
        text: Text = self.args[0]
        return text


class NotFound(Refusal):
    """There is no such thing, or it is somebody else's: the two answer alike (SPEC N2, A5)."""


class NotAllowed(Refusal):
    """The caller is known and may not do this."""


class ChartRestricted(NotAllowed):
    """Only the care team opens this chart; others break the glass."""


class KindRefused(Refusal):
    """This kind of document cannot be shared in this way (SPEC S1, S8)."""


class ClientNotRegistered(Refusal):
    """Nobody can act for this client in the Client Portal yet (SPEC S5)."""


class AlreadyDone(Refusal):
    """What was asked for has happened before and stays as it is."""


class NotInThisState(Refusal):
    """The request has ended, or does not wait for this."""


class NotYourTurn(Refusal):
    """This person is not asked to sign, has answered already, or others sign first."""


class NotReachable(Refusal):
    """The engine does not answer now; what was asked for may be tried again and counts once."""


class FreshSignInNeeded(Refusal):
    """Signing needs a sign-in not older than five minutes (SPEC G1)."""


class NotReadyToSign(Refusal):
    """The document was not opened, intent is missing, or another version was shown (SPEC G1, G5)."""


class ConsentNeeded(Refusal):
    """Signing needs consent to electronic records, which was not given or is withdrawn (SPEC G1)."""


class Unacceptable(Refusal):
    """A value is well-formed and still cannot be used."""
