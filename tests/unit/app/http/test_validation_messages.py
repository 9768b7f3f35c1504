"""The text of a validation error is a sentence of the service, and never Pydantic's message."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.exceptions import RequestValidationError

import app.schemas
from app.errors import Invalid
from app.http.framework_errors import translate
from app.schemas.bodies import RequestBody

_ERRORS_OF_KIND = {
    "model": {"model_type", "model_attributes_type", "dict_type"},
    "model-fields": {"missing", "extra_forbidden"},
    "str": {"string_type", "string_unicode"},
    "int": {"int_type", "int_from_float", "int_parsing", "int_parsing_size"},
    "list": {"list_type"},
    "dict": {"dict_type"},
    "literal": {"literal_error"},
    "enum": {"enum"},
}
"""The types of error that each kind of Pydantic's core schema can raise for JSON."""
_RAISE_NOTHING = {"default", "nullable", "function-after", "function-before", "no-info",
                  "model-field", "json-or-python", "lax-or-strict", "any"}  # fmt: skip
"""These kinds raise no error themselves. A schema inside them or a rule of the service may."""
_ERRORS_OF_CONSTRAINT = {
    ("str", "pattern"): {"string_pattern_mismatch"},
    ("str", "min_length"): {"string_too_short"},
    ("str", "max_length"): {"string_too_long"},
    ("int", "ge"): {"greater_than_equal"},
    ("int", "le"): {"less_than_equal"},
    ("list", "min_length"): {"too_short"},
    ("list", "max_length"): {"too_long"},
}
_CONTEXT = {"min_length": 3, "max_length": 3, "ge": 3, "le": 3, "pattern": "^x$", "expected": "3"}


def _bodies(kind: type[RequestBody] = RequestBody) -> Iterator[type[RequestBody]]:
    for body in kind.__subclasses__():
        yield body
        yield from _bodies(body)


def _error_types(schema: object) -> Iterator[str]:
    """Yield every type of error that a core schema and its inner schemas can raise."""
    if isinstance(schema, dict) and "custom_error_type" in schema:
        yield schema["custom_error_type"]
        return
    if isinstance(schema, dict):
        kind = schema.get("type")
        if isinstance(kind, str) and kind not in _RAISE_NOTHING:
            yield from _ERRORS_OF_KIND[kind]
            for (constrained, constraint), errors in _ERRORS_OF_CONSTRAINT.items():
                yield from errors if constrained == kind and constraint in schema else ()
        for name, inner in schema.items():
            yield from () if name in {"metadata", "serialization"} else _error_types(inner)
    elif isinstance(schema, list | tuple):
        for inner in schema:
            yield from _error_types(inner)


def _error_types_of_all_bodies() -> list[str]:
    for module in pkgutil.iter_modules(app.schemas.__path__):
        importlib.import_module(f"app.schemas.{module.name}")
    schemas = [body.__pydantic_core_schema__ for body in _bodies()]
    assert len(schemas) > 8
    return sorted({error for schema in schemas for error in _error_types(schema)})


def _sentence(kind: str, location: tuple[str, ...] = ("body", "field"), **others: Any) -> str:
    error = {"type": kind, "loc": location, "msg": "Pydantic's own message", **others}
    translated = translate(RequestValidationError([error]))
    assert isinstance(translated, Invalid)
    return translated.errors[0].detail


@pytest.mark.parametrize("kind", _error_types_of_all_bodies())
def test_each_error_that_a_body_can_cause_has_a_specific_sentence(kind: str) -> None:
    """If a body gets a new kind of field, this test fails until its errors have sentences."""
    sentence = _sentence(kind, ctx=_CONTEXT)
    assert sentence.endswith(".")
    assert "Pydantic" not in sentence
    assert sentence != _sentence("date_parsing")
    assert "{" not in sentence


def test_any_other_error_of_pydantic_gets_a_general_sentence() -> None:
    """Pydantic's message is not used, because it may quote what the client has sent."""
    sentence = _sentence("date_parsing", ctx={"error": "canary"})
    assert sentence.startswith("This value is not valid")


def test_the_message_of_a_rule_of_the_service_is_used_unchanged() -> None:
    """Such a message is written for clients. The rule is about a field or about the whole body."""
    for location in [("body", "field"), ("body",)]:
        assert _sentence("name_empty", location) == "Pydantic's own message"


@pytest.mark.parametrize("kind", ["missing", "model_attributes_type", "dict_type"])
def test_the_error_for_a_body_that_is_no_object_asks_for_an_object(kind: str) -> None:
    """The error concerns the whole body, so the sentence names no field."""
    assert _sentence(kind, ("body",)) == "Send a JSON object as the body."
