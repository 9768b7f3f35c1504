"""Parsing and comparing the entity tags of If-Match and If-None-Match."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import MalformedHeader, PreconditionFailed, PreconditionRequired
from app.schemas.preconditions import EntityTags, require_match

_TAGS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"'))


@given(st.lists(_TAGS, min_size=1, max_size=5), st.sampled_from([",", ", ", " ,\t", ",,"]))
def test_every_tag_of_a_list_is_parsed(tags: list[str], separator: str) -> None:
    """A tag may contain any visible character except the quote, even a comma."""
    parsed = EntityTags.parse(separator.join(f'"{tag}"' for tag in tags))
    assert not parsed.anything
    assert all(parsed.match_strongly(f'"{tag}"') for tag in tags)
    assert not parsed.match_strongly('"some other"')


@given(st.text(max_size=40))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    """No header value raises an exception other than `MalformedHeader`."""
    try:
        EntityTags.parse(text)
    except MalformedHeader:
        assert '"' not in text or text.strip() != f'"{text.strip()[1:-1]}"' or " " in text


@pytest.mark.parametrize("text", ['"' * 60_001, "," * 60_000 + "x", '"a",' * 15_000 + "x"])
def test_a_long_header_is_refused_in_linear_time(text: str) -> None:
    """The regular expression can match in one way only, so it does not backtrack."""
    with pytest.raises(MalformedHeader):
        EntityTags.parse(text)


def test_weak_and_strong_comparison_differ_for_weak_tags_only() -> None:
    """The expected results are those of the table in RFC 9110, section 8.8.3.2."""
    weak, strong = EntityTags.parse('W/"1"'), EntityTags.parse('"1"')
    assert (weak.match_weakly('"1"'), strong.match_weakly('"1"')) == (True, True)
    assert (weak.match_strongly('"1"'), strong.match_strongly('"1"')) == (False, True)
    assert not strong.match_weakly('"2"')


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_the_tag_of_a_compressed_response_matches_the_same_version(coding: str) -> None:
    """The load balancer adds the coding to the tag, but the version is the same."""
    tags = EntityTags.parse(f'"0", "1-{coding}"')
    assert tags.match_strongly('"1"')
    assert tags.match_strongly('"0"')
    assert not tags.match_strongly('"2"')
    assert EntityTags.parse(f'W/"1-{coding}"').match_weakly('"1"')
    assert not EntityTags.parse(f'W/"1-{coding}"').match_strongly('"1"')
    assert not EntityTags.parse('"1-other"').match_strongly('"1"')


def test_the_star_matches_any_version() -> None:
    """The star may have spaces around it."""
    assert EntityTags.parse(" * ").match_strongly('"1"')
    assert EntityTags.parse("*").match_weakly('"1"')


def test_a_change_requires_the_current_version() -> None:
    """Without a tag, the status is 428; with a wrong tag, 412. The current tag is accepted."""
    with pytest.raises(PreconditionRequired):
        require_match(None, '"1"')
    with pytest.raises(PreconditionFailed):
        require_match(EntityTags.parse('"2"'), '"1"')
    require_match(EntityTags.parse('"2", "1"'), '"1"')
