"""The ceiling of this stack: the smallest FastAPI app that answers what the service answers.

No token, no limit, no cache, no database, no log: the bytes of one user, ready to send.
"""

from typing import Final

from fastapi import FastAPI, Response

USER: Final = (
    b'{"id":1,"name":"Amara Okafor","email":"amara.okafor@seed.example.com","role":"user",'
    b'"created_at":"2026-05-12T01:57:34.185660Z","updated_at":"2026-05-12T01:57:34.185660Z"}'
)

app = FastAPI(openapi_url=None)


@app.get("/api/users/{user_id}")
async def read_user(user_id: int) -> Response:
    """Answer with the user, whoever is asked for."""
    del user_id
    return Response(USER, media_type="application/json")
