"""Asking politely: distance between requests, waiting as told, and one sentence for what goes wrong."""

import email.utils
import json
from datetime import UTC, datetime, timedelta

import pytest

from survey_tools import __version__
from survey_tools.errors import LiteratureError, PaperUnknown, SourceUnavailable, SourceUnreadable
from survey_tools.literature.web import LONGEST_WAIT, Web, base_address


@pytest.fixture
def address(sources, monkeypatch):
    return base_address("SURVEY_ARXIV_URL", "https://nowhere.invalid")


def test_it_says_who_asks(sources, web, address, monkeypatch):
    sources.answer("/arxiv", "here")
    assert web.get("arXiv", address, {"q": "a b"}) == b"here"
    assert sources.asked[0].query == {"q": "a b"}
    assert sources.asked[0].agent.startswith(f"attention-head-survey/{__version__} ")
    monkeypatch.setenv("SURVEY_CONTACT", "someone@example.org")
    Web().get("arXiv", address)
    assert "mailto:someone@example.org" in sources.asked[1].agent


def test_requests_to_one_source_keep_their_distance(sources, address):
    sources.answer("/arxiv", "here")
    now, waited = [100.0], []

    def sleep(seconds):
        waited.append(seconds)
        now[0] += seconds

    web = Web(sleep=sleep, clock=lambda: now[0])
    web.get("arXiv", address, every_s=3.0)
    now[0] += 1.0
    web.get("arXiv", address, every_s=3.0)
    web.get("another", address, every_s=3.0)
    now[0] += 9.0
    web.get("arXiv", address, every_s=3.0)
    assert waited == [2.0]


def test_a_busy_server_is_asked_again_when_it_said(sources, web, waits, address):
    sources.answer("/arxiv", "busy", 429, Retry_After="7")
    sources.answer("/arxiv", "busy", 503)
    sources.answer("/arxiv", "here")
    assert web.get("arXiv", address) == b"here"
    assert waits == [7.0, 4.0], "as told, then by itself"


def test_a_date_says_when_as_well(sources, web, waits, address):
    later = email.utils.format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
    sources.answer("/arxiv", "busy", 429, Retry_After=later)
    sources.answer("/arxiv", "here")
    web.get("arXiv", address)
    assert 20 < waits[0] <= 40


@pytest.mark.parametrize("header", ["soon", "-5", "", "²"])
def test_an_unreadable_time_is_a_short_wait(sources, web, waits, address, header):
    sources.answer("/arxiv", "busy", 429, Retry_After=header)
    sources.answer("/arxiv", "here")
    web.get("arXiv", address)
    assert waits == [2.0]


def test_who_wants_us_away_for_long_is_left_alone(sources, web, waits, address):
    sources.answer("/arxiv", "busy", 429, Retry_After="3600")
    with pytest.raises(SourceUnavailable, match=r"^arXiv is busy and asks to come back in 3,600 seconds$"):
        web.get("arXiv", address)
    assert waits == []
    assert len(sources.asked) == 1
    assert LONGEST_WAIT < 3600


def test_after_three_tries_it_is_enough(sources, web, address):
    sources.answer("/arxiv", "busy", 503, Retry_After="1")
    with pytest.raises(SourceUnavailable, match=r"^arXiv was still busy after 3 tries \(HTTP 503\)$"):
        web.get("arXiv", address)
    assert len(sources.asked) == 3


@pytest.mark.parametrize(
    ("status", "error", "message"),
    [
        (404, PaperUnknown, "arXiv knows no such paper"),
        (500, SourceUnavailable, r"arXiv is out of order \(HTTP 500\)"),
        (403, SourceUnreadable, r"arXiv refused the question \(HTTP 403\)"),
        (204, SourceUnreadable, r"arXiv refused the question \(HTTP 204\)"),
    ],
)
def test_refusals(sources, web, address, status, error, message):
    sources.answer("/arxiv", "", status)
    with pytest.raises(error, match=f"^{message}$"):
        web.get("arXiv", address)


def test_nobody_there(web):
    with pytest.raises(SourceUnavailable, match=r"^arXiv cannot be reached \(ConnectionError\)$"):
        web.get("arXiv", "http://127.0.0.1:9/")


def test_a_redirect_within_the_host_is_followed(sources, web, address):
    sources.answer("/arxiv", "", 301, Location="/arxiv/there?x=1")
    sources.answer("/arxiv/there", "here")
    assert web.get("arXiv", address) == b"here"


@pytest.mark.parametrize("place", ["http://localhost:9/x", "//nowhere.invalid/x", "https://nowhere.invalid/"])
def test_a_redirect_to_another_server_is_not(sources, web, address, place):
    sources.answer("/arxiv", "", 302, Location=place)
    with pytest.raises(SourceUnreadable, match=r"^arXiv sends us to another server, https?://(localhost|nowhere)"):
        web.get("arXiv", address)
    assert len(sources.asked) == 1


def test_a_redirect_to_nothing_readable_is_not(sources, web, address):
    sources.answer("/arxiv", "", 302, Location="http://[::1/x")
    with pytest.raises(SourceUnreadable, match=r"another server, whose address cannot be read; it was not asked$"):
        web.get("arXiv", address)


def test_a_redirect_in_a_circle_ends(sources, web, address):
    sources.answer("/arxiv", "", 302, Location="/arxiv")
    with pytest.raises(SourceUnavailable, match=r"^arXiv cannot be reached \(TooManyRedirects\)$"):
        web.get("arXiv", address)
    assert len(sources.asked) == 6


@pytest.mark.parametrize("contact", ["王@example.org", "no address", "a@b\nX-Header: 1"])
def test_a_contact_that_is_no_address_is_refused(monkeypatch, contact):
    monkeypatch.setenv("SURVEY_CONTACT", contact)
    with pytest.raises(LiteratureError, match=r"^SURVEY_CONTACT is .*; it must be an email address"):
        Web()


def test_an_answer_without_end_is_cut(sources, web, address, monkeypatch):
    monkeypatch.setattr("survey_tools.literature.web.LARGEST_ANSWER", 100_000)
    sources.answer("/arxiv", "x" * 200_000)
    with pytest.raises(SourceUnreadable, match=r"arXiv answered more than 0\.1 MB"):
        web.get("arXiv", address)


@pytest.mark.parametrize(
    ("body", "message"),
    [("<html>", "something that is not JSON"), ("[1]", "JSON that is no object"), ("[" * 100_000, "not JSON")],
)
def test_json_that_is_none(sources, web, address, body, message):
    sources.answer("/arxiv", body)
    with pytest.raises(SourceUnreadable, match=message):
        web.json("arXiv", address)


def test_json(sources, web, address):
    sources.answer("/arxiv", json.dumps({"a": 1}))
    assert web.json("arXiv", address) == {"a": 1}


def test_an_address_from_the_environment_is_checked(monkeypatch):
    monkeypatch.setenv("SURVEY_ACL_URL", "file:///etc")
    with pytest.raises(LiteratureError, match="SURVEY_ACL_URL is 'file:///etc'; it must be an address"):
        base_address("SURVEY_ACL_URL", "https://aclanthology.org")
    monkeypatch.setenv("SURVEY_ACL_URL", "")
    assert base_address("SURVEY_ACL_URL", "https://aclanthology.org/") == "https://aclanthology.org"
