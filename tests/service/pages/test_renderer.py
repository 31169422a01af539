"""Pages without a service: what templates are given, what is escaped, and what browsers may keep."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files

import pytest
from jinja2 import DictLoader, UndefinedError
from jinja2.exceptions import TemplateNotFound

from msnpauth.service.pages.fields import Problem
from msnpauth.service.pages.renderer import HEADERS, STYLE_PATH, PageRenderer, go_to, style

TEMPLATES = sorted(
    file.name.removesuffix(".html")
    for file in files("msnpauth.service.pages").joinpath("templates").iterdir()
)
LESS = "<Net & 'work'>"


@pytest.fixture
def renderer() -> PageRenderer:
    return PageRenderer(LESS, can_sign_up=True)


@pytest.fixture
def own(renderer: PageRenderer) -> PageRenderer:
    """Return one whose pages are the test's own."""
    pages = {
        "said.html": "{{ said }}",
        "moment.html": "{{ said | moment }}",
        "who.html": "{{ network }}|{{ can_sign_up }}|{{ visitor }}|{{ problems }}|{{ notice }}|{{ here }}|{{ style }}",
        "problem.html": "{{ problem_of(problems, 'a').text if problem_of(problems, 'a') else 'none' }}",
    }
    renderer._environment.loader = DictLoader(pages)
    return renderer


def text(renderer: PageRenderer, template: str, **about: object) -> str:
    return bytes(renderer.page(template, **about).body).decode()  # type: ignore[arg-type]


def kept(value: str) -> Iterator[str]:
    return (part.strip() for part in value.split(","))


# --- answers -------------------------------------------------------------------------------------


def test_a_page_is_html_that_nobody_keeps_frames_or_guesses_about(own: PageRenderer) -> None:
    answer = own.page("said", said="x")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert answer.headers["content-length"] == "1"


def test_a_page_may_have_a_status_and_headers_of_its_own(own: PageRenderer) -> None:
    answer = own.page("said", 503, {"Retry-After": "5", "Cache-Control": "private"}, said="x")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.headers.getlist("cache-control") == ["private"], "in the place of the usual one"
    assert own.page("said", said="x").headers["cache-control"] == "no-store"


def test_a_browser_is_sent_on_by_a_new_request_that_changes_nothing() -> None:
    answer = go_to("/app-passwords")
    # 303: what was a POST is a GET from here on, and a reload sends no form again.
    assert (answer.status_code, answer.headers["location"]) == (303, "/app-passwords")
    assert answer.body == b""
    for name, value in HEADERS.items():
        assert answer.headers[name] == value


def test_the_stylesheet_has_its_own_hash_in_its_path() -> None:
    answer = style()
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    digest = hashlib.sha256(bytes(answer.body)).hexdigest()
    match = re.fullmatch(r"/style-([0-9a-f]{12})\.css", STYLE_PATH)
    assert match is not None
    assert digest.startswith(match[1]), "another sheet is another path"
    assert set(kept(answer.headers["cache-control"])) == {"public", "max-age=31536000", "immutable"}
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert HEADERS["Cache-Control"] == "no-store", "of every other answer"


def test_no_header_lets_in_what_the_pages_do_not_have() -> None:
    policy = dict(
        part.strip().split(" ", 1) for part in HEADERS["Content-Security-Policy"].split(";")
    )
    assert policy == {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "data:",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }


# --- templates -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "html"),
    [
        ("<script>", "&lt;script&gt;"),
        ("a & b", "a &amp; b"),
        ("\"'", "&#34;&#39;"),
        ("ä\u2028", "ä\u2028"),
        (5, "5"),
    ],
)
def test_whatever_is_told_is_text(own: PageRenderer, said: object, html: str) -> None:
    assert text(own, "said", said=said) == html


def test_what_nobody_has_told_is_a_fault_and_no_gap(own: PageRenderer) -> None:
    with pytest.raises(UndefinedError, match="'said' is undefined"):
        own.page("said")


def test_a_template_that_is_not_there(renderer: PageRenderer) -> None:
    for name in ("nothing", "", "../context", "style.css"):
        with pytest.raises(TemplateNotFound):
            renderer.page(name)


def test_what_every_template_may_look_at(own: PageRenderer) -> None:
    words = text(own, "who").split("|")
    assert words == [
        "&lt;Net &amp; &#39;work&#39;&gt;",
        "True",
        "None",
        "()",
        "None",
        "",
        STYLE_PATH,
    ]
    closed = PageRenderer("net", can_sign_up=False)
    closed._environment.loader = own._environment.loader
    assert text(closed, "who", here="/", notice="done").split("|") == [
        *("net", "False", "None", "()", "done", "/", STYLE_PATH),
    ]
    assert text(closed, "who").split("|")[4] == "None", "of another page nothing stays"


def test_a_moment_is_told_to_the_minute_and_by_which_clock(own: PageRenderer) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 59, 999999, tzinfo=UTC)
    assert text(own, "moment", said=moment) == "2026-01-02 03:04 UTC"


@pytest.mark.parametrize(
    ("problems", "found"),
    [
        ((), "none"),
        ((Problem("b", "of b"), Problem("", "of all")), "none"),
        ((Problem("b", "of b"), Problem("a", "first"), Problem("a", "second")), "first"),
    ],
)
def test_a_field_is_told_its_own_first_problem(
    own: PageRenderer, problems: tuple[Problem, ...], found: str
) -> None:
    assert text(own, "problem", problems=problems) == found


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_can_be_read(renderer: PageRenderer, template: str) -> None:
    source = renderer._environment.get_template(f"{template}.html")
    assert source.name == f"{template}.html"


@pytest.mark.parametrize("kind", ["400", "403", "404", "405", "429", "500", "503"])
def test_the_page_of_a_fault(renderer: PageRenderer, kind: str) -> None:
    html = text(renderer, "fault", kind=kind)
    title = re.search(r"<title>(.*?) – (.*?)</title>", html)
    heading = re.search(r"<h1>(.*?)</h1>", html)
    assert title is not None
    assert heading is not None
    assert title[1] == heading[1] != ""
    assert title[2] == "&lt;Net &amp; &#39;work&#39;&gt;"
    assert f'href="{STYLE_PATH}"' in html
    assert LESS not in html


def test_a_problem_is_told_in_the_title_and_leads_to_its_field(renderer: PageRenderer) -> None:
    problems = (Problem("password", "It is <too> short."), Problem("", "Try again."))
    html = text(renderer, "closed", problems=problems)
    assert "<title>Error: Nobody can sign up here" in html
    assert '<a href="#password">It is &lt;too&gt; short.</a>' in html
    assert "<li>Try again.</li>" in html
    assert "Error: " not in text(renderer, "closed")
