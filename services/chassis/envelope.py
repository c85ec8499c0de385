"""The JSON envelope of all answers."""

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
    """Return the response `{"Code":code,"Message":message}`, which may be sent repeatedly."""
    body = json.dumps({"Code": code, "Message": message}, separators=(",", ":"))
    return Response(body, status, {**HEADERS, **(headers or {})}, media_type="application/json")


HEALTHY = answer(2000, "ok")
NOT_FOUND = answer(4040, "Not Found", status=404)
# The header makes nginx send the request again. Only a direct client sees the 421.
MISDIRECTED = answer(
    4210, "Misdirected Request", status=421, headers={"X-Accel-Redirect": "@again"}
)
ERROR = answer(5000, "Internal Server Error", status=500)


def answer_to(error: Exception) -> Response:
    """Return the response to an error: that of an HTTPException, or a plain 500."""
    if isinstance(error, HTTPException):
        status = error.status_code
        return answer(status * 10, error.detail, status=status, headers=error.headers)
    return ERROR
