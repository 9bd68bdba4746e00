"""One polite way of asking a server: says who asks, keeps distance, waits when told to, gives up in good time.

The client libraries of these services were looked at first (arxiv 4.0, habanero 2.9, pyalex 0.21). Each leaves
something out that we owe the servers (a time limit, our own User-Agent, or waiting as long as Retry-After says), pyalex
asks a fixed address, so that it could not be tried without the network, and what they give back is the answer's
own JSON. So `requests` asks for all four, and each client here only says what and where.
"""

from __future__ import annotations

import email.utils
import json
import os
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from survey_tools.errors import LiteratureError, PaperUnknown, SourceUnavailable, SourceUnreadable

PACKAGE = "attention-head-survey"
CONTACT = "SURVEY_CONTACT"
"""Environment variable with an email address that servers may write to; some answer faster for it."""
TRIES = 3
LONGEST_WAIT = 60.0
"""Seconds; a server that wants us to stay away longer is asked another day."""
LARGEST_ANSWER = 20_000_000
_CONNECT_S, _READ_S = 10, 30
_MOST_REDIRECTS = 5
_BUSY = (429, 503)


class SourceBusy(SourceUnavailable):
    """The server wants fewer questions, or later ones."""


class _LedElsewhere(requests.RequestException):
    """A redirect to a host that nobody named."""


class _OneHost(requests.Session):
    """Follows redirects within a host (http to https, merged records), and none that leads away from it."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target is not None:
            asked = urlsplit(resp.url)
            try:
                next_one = urlsplit(urljoin(resp.url, target))
            except ValueError:
                raise _LedElsewhere("whose address cannot be read") from None
            if next_one.hostname != asked.hostname or (asked.scheme, next_one.scheme) == ("https", "http"):
                raise _LedElsewhere(f"{next_one.scheme}://{next_one.hostname}")
        return target


class Web:
    """Asks servers, one request at a time. `sleep` and `clock` are the machine's; tests give their own."""

    def __init__(
        self, sleep: Callable[[float], None] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sleep = sleep or time.sleep
        self._clock = clock
        self._session = _OneHost()
        self._session.max_redirects = _MOST_REDIRECTS
        self._session.headers["User-Agent"] = _user_agent()
        self._last: dict[str, float] = {}

    def get(self, source: str, address: str, params: Mapping[str, str] | None = None, every_s: float = 0.0) -> bytes:
        """What the server called `source` answers; requests to it keep `every_s` seconds apart.

        Raises:
            SourceUnavailable: no connection, no answer in time, or busy after three tries.
            PaperUnknown: it answered 404.
            SourceUnreadable: any other refusal, or an answer without end.
        """
        for attempt in range(1, TRIES + 1):
            self._keep_distance(source, every_s)
            response, body = self._ask(source, address, params)
            if response.status_code not in _BUSY:
                return _accepted(source, response, body)
            wait = _retry_after(response) if "Retry-After" in response.headers else 2.0**attempt
            if wait > LONGEST_WAIT:
                raise SourceBusy(f"{source} is busy and asks to come back in {wait:,.0f} seconds")
            if attempt < TRIES:
                self._sleep(wait)
        raise SourceBusy(f"{source} was still busy after {TRIES} tries (HTTP {response.status_code})")

    def json(
        self, source: str, address: str, params: Mapping[str, str] | None = None, every_s: float = 0.0
    ) -> dict[str, Any]:
        """The same for a server that answers with one JSON object."""
        try:
            answer = json.loads(self.get(source, address, params, every_s))
        except (ValueError, RecursionError):
            raise SourceUnreadable(f"{source} answered something that is not JSON") from None
        if not isinstance(answer, dict):
            raise SourceUnreadable(f"{source} answered JSON that is no object")
        return answer

    def _keep_distance(self, source: str, every_s: float) -> None:
        last = self._last.get(source)
        if last is not None and (left := last + every_s - self._clock()) > 0:
            self._sleep(left)
        self._last[source] = self._clock()

    def _ask(self, source: str, address: str, params: Mapping[str, str] | None) -> tuple[requests.Response, bytes]:
        try:
            with self._session.get(address, params=params, timeout=(_CONNECT_S, _READ_S), stream=True) as response:
                body = bytearray()
                for part in response.iter_content(65_536):
                    body += part
                    if len(body) > LARGEST_ANSWER:
                        raise SourceUnreadable(f"{source} answered more than {LARGEST_ANSWER / 1e6:g} MB")
                return response, bytes(body)
        except _LedElsewhere as error:
            raise SourceUnreadable(f"{source} sends us to another server, {error}; it was not asked") from None
        except requests.Timeout:
            raise SourceUnavailable(f"{source} did not answer in time") from None
        except requests.RequestException as error:
            raise SourceUnavailable(f"{source} cannot be reached ({type(error).__name__})") from None


def base_address(variable: str, usual: str) -> str:
    """Where a service is: its usual address, or the one that the environment variable names.

    Raises:
        LiteratureError: the variable holds something that is no web address.
    """
    address = os.environ.get(variable, "").strip() or usual
    if not address.startswith(("https://", "http://")):
        raise LiteratureError(f"{variable} is {address!r}; it must be an address that starts with https://")
    return address.rstrip("/")


def contact() -> str:
    """The address that the environment names, or nothing.

    Raises:
        LiteratureError: what it names is no email address; it goes into the header of every request.
    """
    address = os.environ.get(CONTACT, "").strip()
    if address and not re.fullmatch(r"[!-?A-~]+@[!-?A-~]+", address):
        raise LiteratureError(f"{CONTACT} is {address!r}; it must be an email address, in plain letters")
    return address


def _user_agent() -> str:
    who = f"; mailto:{contact()}" if contact() else ""
    return f"{PACKAGE}/{version(PACKAGE)} (a living survey of attention heads{who})"


def _accepted(source: str, response: requests.Response, body: bytes) -> bytes:
    if response.status_code == 404:
        raise PaperUnknown(f"{source} knows no such paper")
    if response.status_code >= 500:
        raise SourceUnavailable(f"{source} is out of order (HTTP {response.status_code})")
    if response.status_code != 200:
        raise SourceUnreadable(f"{source} refused the question (HTTP {response.status_code})")
    return body


def _retry_after(response: requests.Response) -> float:
    """Seconds, from a number or a date; an unreadable header counts as a short wait."""
    said = response.headers["Retry-After"].strip()
    if re.fullmatch(r"[0-9]+", said):
        return float(said)
    try:
        until = email.utils.parsedate_to_datetime(said)
    except ValueError:
        return 2.0
    return max(0.0, (until - datetime.now(UTC)).total_seconds()) if until.tzinfo else 2.0
