"""Whatever is asked, the server answers with a state, or with a sentence: never a traceback, never a hang."""

from __future__ import annotations

import http.client
import json
import time
from urllib.parse import quote

import httpx
from hypothesis import given
from hypothesis import strategies as st
from tests.each import each

from slopes.explorer.figures.contents import PAGES
from slopes.explorer.figures.parameters import Choice, Number, Parameter, Several
from slopes.explorer.site.loading import Loaded

IDS = [page.id for page in PAGES]
HOSTILE = (
    *(
        "",
        " ",
        "nan",
        "NaN",
        "inf",
        "-inf",
        "1e309",
        "-1e309",
        "1e-400",
        "0x10",
        "1_000",
        "１２",
        "-0",
        "+5",
        "1e",
        ".5",
    ),
    *("true", "null", "[]", "{}", "1,2", "1;2", "1 2", "--1", ",", ",,", "a,b,c", "__class__", "${7*7}", "{{7*7}}"),
    *("'; DROP TABLE x", "<script>alert(1)</script>", "../../etc/passwd", "\x00", "%", "é", "🙂"),
    *("9" * 300, "0" * 399, "a" * 401),
)
SLOWEST = 10.0  # seconds that an answer may take on a loaded machine; a hang takes for ever


def any_value(parameter: Parameter) -> st.SearchStrategy[str]:
    """Values inside the range, at its ends, beyond it, and none at all."""
    hostile = st.sampled_from(HOSTILE) | st.text(max_size=30)
    if isinstance(parameter, Number):
        inside = st.floats(parameter.low, parameter.high).map(repr)
        ends = st.sampled_from([repr(parameter.low), repr(parameter.high), repr(parameter.default)])
        return inside | inside | ends | st.floats().map(repr) | st.integers().map(str) | hostile
    options = [option.value for option in parameter.options]
    if isinstance(parameter, Choice):
        return st.sampled_from(options) | hostile
    assert isinstance(parameter, Several)
    return st.lists(st.sampled_from(options), min_size=1, max_size=10).map(",".join) | hostile


def assert_answered(client: httpx.Client, address: str) -> None:
    start = time.monotonic()
    answer = client.get(address)
    assert time.monotonic() - start < SLOWEST
    assert answer.status_code in {200, 400, 404, 414}, address
    data = json.loads(answer.content)
    if answer.status_code == 200:
        assert data["reading"]
        return
    (sentence,) = data.values()
    assert sentence.endswith(".")
    assert "Traceback" not in sentence
    assert len(sentence) < 1000


@each("name", IDS)
def test_any_state_that_can_be_written_is_answered(client: httpx.Client, loaded: Loaded, name: str) -> None:
    parameters = loaded.figures[name].parameters
    pairs = st.fixed_dictionaries({}, optional={p.name: any_value(p) for p in parameters})

    @given(pairs=pairs)
    def ask(pairs: dict[str, str]) -> None:
        query = "&".join(f"{quote(key)}={quote(value)}" for key, value in pairs.items())
        assert_answered(client, f"/api/{name}?{query}")

    ask()


@each("name", IDS)
@each("value", HOSTILE)
def test_a_hostile_value_is_a_sentence(client: httpx.Client, loaded: Loaded, name: str, value: str) -> None:
    parameter = loaded.figures[name].parameters[0]
    assert_answered(client, f"/api/{name}?{quote(parameter.name)}={quote(value)}")


@given(name=st.sampled_from(IDS), query=st.binary(max_size=200))
def test_any_bytes_are_a_sentence(client: httpx.Client, name: str, query: bytes) -> None:
    assert_answered(client, f"/api/{name}?{quote(query)}")


@each("query", ["x" * 1_000_000, "at=" + "1" * 1_000_000, "&".join(f"p{i}=1" for i in range(10_000))])
def test_enormous_requests_are_refused_at_once(client: httpx.Client, query: str) -> None:
    start = time.monotonic()
    connection = http.client.HTTPConnection(client.base_url.host, client.base_url.port or 80, timeout=SLOWEST)
    try:
        connection.request("GET", f"/api/activations?{query}")  # httpx would refuse to send it
        assert connection.getresponse().status in {400, 414, 431}
    except (BrokenPipeError, ConnectionResetError):
        pass  # the server had enough before we were through
    finally:
        connection.close()
    assert time.monotonic() - start < SLOWEST


@each("path", ["/api/", "/api/nothing", "/api/nothing/schema", "/api/activations/", "/page/../server.py", "/runtime/x.js", "/functions/%00", "/export/..png", "/%2e%2e/"])  # noqa: E501  # fmt: skip
def test_what_is_not_there_is_a_404(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code in {307, 404}


@each("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_written(client: httpx.Client, method: str) -> None:
    assert client.request(method, "/api/activations").status_code == 405
