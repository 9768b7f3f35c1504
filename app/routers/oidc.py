"""Sign-in at an identity provider, and linking an identity to an account.

`begin_sign_in` redirects the browser to the provider. The provider redirects the browser to
`finish_sign_in` (OpenID Connect Core, section 3.1). Errors are problem documents, as in all routes.
"""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.responses import RedirectResponse

from app import errors
from app.http.cookies import (
    FLOW_COOKIE,
    with_flow_cookie,
    with_session_cookie,
    without_flow_cookie,
)
from app.http.negotiation import IGNORES_OTHER_PARAMETERS, JsonRoute
from app.http.openapi import NO_STORE, limited_by
from app.http.problems import problems
from app.http.representations import NO_STORE_HEADERS, represent_unstored
from app.routers.dependencies import BaseUrl, Caller, Oidc, SignInClient
from app.schemas.oidc import AuthorizationUrl, LinkStart, ReturnTo
from app.services.oidc import AuthorizationResponse

router = APIRouter(prefix="/api/auth/oidc", tags=["auth"], route_class=JsonRoute)

# The default for a request without a body.
_NO_PASSWORD = LinkStart()
_PROVIDER_ERRORS = (errors.NotFound, errors.ProviderUnavailable)

ProviderName = Annotated[str, Path(description="a provider's name", examples=["google"])]
ReturnPath = Annotated[
    ReturnTo, Query(description="the path on this server that the browser is sent to at the end")
]


@router.get(
    "/{provider}/login",
    status_code=303,
    response_class=Response,
    responses=problems(*_PROVIDER_ERRORS),
    openapi_extra=limited_by("login"),
)
async def begin_sign_in(
    base_url: BaseUrl, provider: ProviderName, oidc: Oidc, return_to: ReturnPath = "/api/users/me"
) -> Response:
    """Redirect a browser to an identity provider. The sign-in ends with a session cookie."""
    started = await oidc.begin(provider, base_url=base_url, return_to=return_to)
    response = RedirectResponse(started.url, status_code=303, headers=NO_STORE_HEADERS)
    return with_flow_cookie(response, started.browser_secret)


# This route is not in the OpenAPI document, because only a browser that the provider redirects can
# use it, and only once. Unknown parameters must be ignored (RFC 6749, section 4.1.2).
@router.get(
    "/{provider}/callback",
    include_in_schema=False,
    openapi_extra={**limited_by("login"), IGNORES_OTHER_PARAMETERS: True},
)
async def finish_sign_in(
    request: Request,
    provider: ProviderName,
    oidc: Oidc,
    client: SignInClient,
    state: str | None = None,
    code: str | None = None,
    error: str | None = None,
    iss: str | None = None,
) -> Response:
    """Complete the sign-in of a browser that returns from the identity provider."""
    authorization = AuthorizationResponse(state, code, error, iss, request.cookies.get(FLOW_COOKIE))
    finished = await oidc.finish(
        provider, authorization, user_agent=client.user_agent, replaces=client.replaced
    )
    response: Response = RedirectResponse(
        finished.return_to, status_code=303, headers=NO_STORE_HEADERS
    )
    response = without_flow_cookie(response)
    if finished.session_secret is not None:
        response = with_session_cookie(response, finished.session_secret)
    return response


@router.post(
    "/{provider}/link",
    response_model=AuthorizationUrl,
    responses=problems(
        errors.Reauthenticate,
        errors.WrongPassword,
        errors.TooManyFailures,
        errors.Overloaded,
        *_PROVIDER_ERRORS,
    ),
    openapi_extra=limited_by("login") | NO_STORE,
)
async def begin_link(
    base_url: BaseUrl,
    provider: ProviderName,
    caller: Caller,
    oidc: Oidc,
    body: LinkStart = _NO_PASSWORD,
    return_to: ReturnPath = "/api/users/me",
) -> Response:
    """Begin to link an identity to your account. Open the URL in the browser that is signed in.

    Requires the current password, or a session that began less than five minutes ago. The method is
    POST, so that no other site can make a signed-in browser send the request.
    """
    started = await oidc.begin_link(
        provider,
        caller,
        body.current_password,
        base_url=base_url,
        return_to=return_to,
    )
    response = represent_unstored(AuthorizationUrl(authorization_url=started.url))
    return with_flow_cookie(response, started.browser_secret)
