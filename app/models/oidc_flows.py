"""Sign-ins that have begun: who went to an identity provider and has not come back."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from app.models.orm import Model


class OidcFlow(Model):
    """What was asked of a provider, and in which browser, until `expires_at`.

    The row is deleted when it is used, so that an answer counts once. What the browser
    holds is stored as its SHA-256 only.
    """

    __tablename__ = "oidc_flows"

    state_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    browser_hash: Mapped[bytes] = mapped_column(LargeBinary)
    provider: Mapped[str]
    redirect_uri: Mapped[str]
    nonce: Mapped[str]
    code_verifier: Mapped[str]
    return_to: Mapped[str]
    # Who wants to link an identity to the account, and in which session; a session that ends
    # takes its flows along. Both are NULL for somebody who signs in.
    user_id: Mapped[int | None] = mapped_column(BigInteger)
    session_id: Mapped[int | None] = mapped_column(
        ForeignKey("sessions.id", ondelete="CASCADE"), index=True
    )
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
