"""Tables, and the rules about their own fields. `Model.metadata` knows every table."""

from app.models.orm import Model
from app.models.sessions import Session
from app.models.users import Role, User

__all__ = ["Model", "Role", "Session", "User"]
