"""microservice1: says hello, and only to GET; introduces microservice2."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import chassis

HELLO = chassis.answer(2000, "Hello Microservice1")
ONLY_GET = chassis.answer(4000, "Only Allow GET Method!")


@chassis.any_method
async def say_hello(request: Request) -> Response:
    return HELLO if request.method == "GET" else ONLY_GET


async def introduce(request: Request) -> Response:
    other = await chassis.ask(request, "microservice2", "/who_am_i")
    return chassis.answer(2000, f"Hello Microservice1, {other['Message']}")


app = chassis.service(
    "microservice1",
    routes=[Route("/say_hello", say_hello), Route("/introduce", introduce)],
)
