"""The smallest FastAPI app that returns the service's response: an upper limit of the speed.

The app has no token, rate limit, cache, database or log. It sends the prepared bytes of one user.
"""

from typing import Final

from fastapi import FastAPI, Response

USER: Final = (
    b'{"id":1,"name":"Amara Okafor","email":"amara.okafor@seed.example.com",'
    b'"email_confirmed":false,"role":"user",'
    b'"created_at":"2026-05-12T01:57:34.185660Z","updated_at":"2026-05-12T01:57:34.185660Z"}'
)

app = FastAPI(openapi_url=None)


@app.get("/api/users/{user_id}")
async def read_user(user_id: int) -> Response:
    """Return the same user for every id."""
    del user_id
    return Response(USER, media_type="application/json")
