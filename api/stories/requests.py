"""The practice looks at a signature request and steers it."""

from api import engine
from api.resources import Resources
from chart import request
from chart.ids import RequestId
from chart.refusals import NotInThisState
from chart.request import Request, RequestState
from identity import policy
from identity.caller import PracticeSide, Right
from workflows.share_to_sign import ShareToSign


async def find_request(resources: Resources, caller: PracticeSide, request_id: RequestId) -> Request:
    policy.check(caller, Right.READ_CHARTS)
    async with resources.database.practice(caller.practice) as transaction:
        return await request.find(transaction, request_id)


async def resume(resources: Resources, caller: PracticeSide, request_id: RequestId) -> None:
    """Try again now what needs attention."""
    policy.check(caller, Right.STEER_REQUESTS)
    async with resources.database.practice(caller.practice) as transaction:
        found = await request.find(transaction, request_id)
    if found.state is not RequestState.NEEDS_ATTENTION:
        raise NotInThisState("This request does not need attention, so there is nothing to resume.")
    await engine.signal(resources, found, ShareToSign.resume)
