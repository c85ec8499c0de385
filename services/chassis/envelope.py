"""The JSON envelope that every answer of a service is in."""

import json
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.responses import Response

HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "Content-Type",
}


def answer(
    code: int, message: str, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return `{"Code":code,"Message":message}` as a response; it may be sent more than once."""
    body = json.dumps({"Code": code, "Message": message}, separators=(",", ":"))
    return Response(body, status, {**HEADERS, **(headers or {})}, media_type="application/json")


HEALTHY = answer(2000, "ok")
NOT_FOUND = answer(4040, "Not Found", status=404)
# nginx follows this header and sends the request again; a direct client sees the 421.
MISDIRECTED = answer(
    4210, "Misdirected Request", status=421, headers={"X-Accel-Redirect": "@again"}
)
ERROR = answer(5000, "Internal Server Error", status=500)


def answer_to(error: Exception) -> Response:
    """Return what a client gets for an error: what a handler raised for it, or a plain 500."""
    if isinstance(error, HTTPException):
        status = error.status_code
        return answer(status * 10, error.detail, status=status, headers=error.headers)
    return ERROR
