"""The reference pages are up to date, and pages name only existing settings."""

from __future__ import annotations

import re

import attrs
import pytest

from pixxel_async.settings import Settings
from tests.examples.guide import EXAMPLES, PAGES
from tests.house.reference import ADVICE, FOLDER, GROUPS, WRITE, error_kinds, render
from tests.house.reference import PAGES as GENERATED


@pytest.mark.parametrize("page", GENERATED)
def test_reference_is_fresh(page: str) -> None:
    """A reference page equals what the package generates."""
    assert (FOLDER / page).read_text(encoding="utf-8") == render(page), f"run {WRITE}"


def test_every_error_has_advice() -> None:
    """Each error has advice, and each advice an error."""
    assert sorted(ADVICE) == sorted(kind.__name__ for kind in error_kinds())


@pytest.mark.parametrize("page", PAGES)
def test_pages_name_settings_that_exist(page: str) -> None:
    """A setting named with its group in a page exists."""
    known = {f"{group}.{field.name}" for group, kind in GROUPS.items() for field in attrs.fields(kind)}
    assert set(GROUPS) <= {field.name for field in attrs.fields(Settings)}
    text = (EXAMPLES / page).read_text(encoding="utf-8")
    named = set(re.findall(rf'[`"\s]((?:{"|".join(GROUPS)})\.[a-z_]+)(?=[`"=])', text))
    assert named <= known, f"{page} names {', '.join(sorted(named - known))}"
