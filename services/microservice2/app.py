"""microservice2: says who it is, to any method."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import chassis

I_AM = chassis.answer(2000, "I am yizhigopher!")


@chassis.any_method
async def who_am_i(_request: Request) -> Response:
    return I_AM


app = chassis.service("microservice2", routes=[Route("/who_am_i", who_am_i)])
