"""What the server answers to, and what it refuses: in status, headers and one sentence."""

from __future__ import annotations

import contextlib
import gzip
import re
import signal
import socket
import subprocess
import sys

import httpx
import pytest
from tests.each import each

from slopes import OptionError
from slopes.catalog import find
from slopes.explorer import explore
from slopes.explorer.site.loading import Loaded
from slopes.explorer.site.pages import PAGES, runtime_names
from slopes.shown import palette, plotting


def raw(client: httpx.Client, request: str) -> str:
    """Send what a well-behaved client never would."""
    with socket.create_connection((client.base_url.host, client.base_url.port), timeout=30) as connection:
        answer = b""
        with contextlib.suppress(ConnectionError):  # the server may hang up before it has heard everything
            connection.sendall(request.encode())
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(65536):
                answer += part
        return answer.decode()


def test_every_page_is_there_under_a_strict_policy(client: httpx.Client) -> None:
    for path in ("/", *(f"/{page.id}" for page in PAGES)):
        answer = client.get(path)
        assert answer.status_code == 200
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert not re.search(r"<script(?![^>]* src=)|\son\w+=|style=", answer.text)
        assert not re.search(r"(src|href)=\"(https?:)?//", answer.text)


def test_long_pages_and_files_travel_compressed_and_say_so(client: httpx.Client) -> None:
    client.get("/plates")
    for path in ("/", "/plates", "/functions", "/book/glossary", "/page/figure.js"):
        answer = client.get(path)
        assert answer.headers["content-encoding"] == "gzip", path
        assert answer.headers["vary"] == "accept-encoding", path
        plain = client.get(path, headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers, path
        assert plain.text == answer.text, path


def test_every_link_of_the_landing_page_leads_somewhere(client: httpx.Client) -> None:
    client.get("/plates")
    links = set(re.findall(r'href="(/[^"]*)"', client.get("/").text))
    assert len(links) > 15
    for link in links:
        assert client.get(link, follow_redirects=True).status_code == 200, link


def test_the_plates_draw_every_function_that_one_number_decides(client: httpx.Client) -> None:
    from slopes.catalog import CATALOG  # noqa: PLC0415

    plates = client.get("/plates").text
    shown = [spec for spec in CATALOG if spec.kind in {"activation", "loss"}]
    assert plates.count("<svg") == plates.count("<li") == len(shown)
    for tile in re.findall(r"<li.*?</li>", plates, re.DOTALL):  # a line of its own in each
        assert len(re.findall(r'class="(?:value|slope)" d="M[^"]+L', tile)) >= 1, tile[:90]
    assert "silu" in plates
    assert "NaN" not in plates


def test_the_plates_of_a_family_share_a_scale_and_say_over_what_they_are(client: httpx.Client) -> None:
    plates = client.get("/plates").text
    families = dict(re.findall(r'<h3 id="family-(\w+)">.*?</h3><p class="over">(.*?)</p>', plates))
    assert families["regression"] == "Over the residual, prediction minus target, from −3 to 3"
    assert families["preference"].endswith("from −20 to 20")
    assert families["saturating"] == "x, from −4 to 4"
    tiles = re.findall(r"<li.*?</li>", plates.split('<section class="kind kind-losses">')[1], re.DOTALL)
    said = {re.findall(r'functions/(\w+)"', t)[0]: re.findall(r'<span class="over">(.*?)</span>', t) for t in tiles}
    assert said["mse"] == said["huber"] == []  # its family says it
    assert said["gaussian_nll"] == ["over the mean minus target, in standard deviations"]
    assert said["clip"][0].startswith("over the angle of an image to its text, radians; seven others")
    pens = {
        name: len(re.findall("M", re.findall(r'class="slope" d="(.*?)"', plates.split(f"functions/{name}")[1])[0]))
        for name in ("info_nce", "mae", "relu")
    }
    assert pens == {"info_nce": 3, "mae": 3, "relu": 2}  # it comes back at the ends; lifted at a jump, not where steep
    # Bradley-Terry is log(1 + exp(-x)): it leaves the tile, 4 high and a little, at x = −5
    tile = next(t for t in tiles if "functions/bradley_terry" in t)
    first = float(re.findall(r'class="value" d="M([\d.]+)', tile)[0])
    assert first / 176 * 40 - 20 == pytest.approx(-5, abs=0.3)


def test_a_yes_and_a_no_have_one_colour_each_everywhere(client: httpx.Client, loaded: Loaded) -> None:
    plates = client.get("/plates").text
    for name in ("binary_cross_entropy", "focal", "asymmetric", "hinge"):
        tile = re.findall(rf'functions/{name}">.*?</svg>', plates, re.DOTALL)[0]
        keys = re.findall(r'<g class="hue-(\d)">(?:(?!</g>).)*<text[^>]*>(label [−01]+)</text>', tile)
        assert {label: int(hue) for hue, label in keys}.pop("label 1") == palette.YES
        assert [int(hue) for hue, label in keys if label != "label 1"] == [palette.NO]
    series = plotting._series(find("bce"), {})
    assert [line.hue for line in series.values()] == [palette.YES, palette.NO]
    for name, dataset in (("cross-entropy", "loss"), ("pairing", "targets")):
        result = loaded.figures[name].compute(loaded.figures[name].default())
        drawn = result.datasets.get(dataset) or result.datasets["curves"]
        assert set(drawn["hue"]) == {palette.YES, palette.NO}, name


@each("theme", ["light", "dark"])
def test_each_figure_of_the_atlas_has_a_small_picture_of_its_first_chart(client: httpx.Client, theme: str) -> None:
    page = client.get("/figures").text
    for figure in PAGES if theme == "light" else PAGES[:2]:
        source = f"/picture/{theme}/{figure.id}.svg"
        assert f'src="{source}" width="400" height="240" loading="lazy" alt=""' in page
        answer = client.get(source)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("image/svg+xml")
        assert re.match(r'<svg[^>]* width="400" height="240"', answer.text), figure.id
        assert answer.text.count("<path") + answer.text.count("<text") > 9, figure.id
        assert "NaN" not in answer.text
        assert palette.PAPER[theme] in answer.text
        assert client.get(source).text == answer.text
    assert client.get("/picture/night/depth.svg").status_code == 404
    assert client.get("/picture/light/dept.svg").json()["error"].startswith("There is no such picture")


@each(
    "query",
    [
        "at=nan", "at=inf", "at=", "at=1e5", "at=1&at=2", "functions=", "functions=relu,,gelu", "at",
        "functions=__import__('os')", "from=5&to=-5", "at=%00", "at=%ff%fe", "show=1", "at=" + "9" * 1000,
        "&".join(f"p{i}=1" for i in range(200)),
    ],
)  # fmt: skip
def test_a_bad_query_is_a_400_in_one_sentence(client: httpx.Client, query: str) -> None:
    answer = client.get(f"/api/activations?{query}")
    assert answer.status_code == 400
    (sentence,) = answer.json().values()
    assert sentence.endswith(".")
    assert "Traceback" not in answer.text


def test_charts_come_in_two_themes(client: httpx.Client) -> None:
    light, dark = (client.get(f"/api/activations/charts?theme={theme}").json() for theme in ("light", "dark"))
    assert set(light) == set(dark) == {"value", "slope"}
    assert light["value"]["background"] != dark["value"]["background"]
    for query in ("", "?theme=blue", "?theme=light&theme=dark", "?theme=light&x=1"):
        assert client.get(f"/api/activations/charts{query}").status_code == 400


def test_long_queries_are_refused(client: httpx.Client) -> None:
    assert client.get("/api/activations?at=" + "1" * 5000).status_code == 414
    answer = raw(client, f"GET /api/activations?at={'1' * 1_000_000} HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert re.match(r"HTTP/1.1 4\d\d", answer)


@each("host", ["example.com", "127.0.0.1.example.com", "", "localhost@example.com", "[::1", "10.0.0.1"])
def test_a_foreign_host_is_misdirected(client: httpx.Client, host: str) -> None:
    answer = raw(client, f"GET /api/activations HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
    assert answer.startswith("HTTP/1.1 421")
    assert "localhost" in answer


def test_names_of_this_machine_are_answered(client: httpx.Client) -> None:
    for host in ("localhost", f"127.0.0.1:{client.base_url.port}", "[::1]:8000"):
        assert client.get("/activations", headers={"host": host}).status_code == 200


def test_another_origin_is_forbidden(client: httpx.Client) -> None:
    own = f"http://127.0.0.1:{client.base_url.port}"
    assert client.get("/api/activations", headers={"origin": own}).status_code == 200
    for origin in ("http://example.com", "null", "http://localhost:1", own.replace("http", "https")):
        answer = client.get("/api/activations", headers={"origin": origin})
        assert answer.status_code == 403
        assert "error" in answer.json()
    assert client.get("/api/activations", headers={"sec-fetch-site": "cross-site"}).status_code == 403


@each("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_there_is_nothing_to_write(client: httpx.Client, method: str) -> None:
    assert client.request(method, "/api/activations").status_code == 405


@each("path", ["/api/nothing", "/api/nothing/schema", "/page/../server.py", "/page/shell.html", "/runtime/x.js", "/x"])
def test_what_is_not_there_is_a_404(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_failure_of_ours_is_a_sentence_too(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        text = "a secret"
        raise RuntimeError(text)

    monkeypatch.setattr("slopes.explorer.site.pages.figure_page", fail)
    answer = client.get("/activations")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "content-security-policy" in answer.headers


def test_the_runtime_comes_out_of_installed_wheels_and_stays_cached(client: httpx.Client) -> None:
    names = runtime_names()
    for path in names.values():
        assert "immutable" in client.get(path).headers["cache-control"]
    script = client.get(names["vega"], headers={"accept-encoding": "identity"})
    assert "content-encoding" not in script.headers
    assert "window.vegaEmbed" in script.text
    assert len(gzip.compress(script.content)) < 400_000


def test_the_style_sheet_holds_the_palette(client: httpx.Client) -> None:
    style = client.get("/page/style.css").text
    assert all(ink in style for inks in palette.LINES.values() for ink in inks)
    assert "{{" not in style


def test_a_port_that_is_taken_is_said_so(client: httpx.Client) -> None:
    with pytest.raises(OptionError, match="cannot be used"):
        explore(port=client.base_url.port or 0, open_browser=False)


def test_the_page_comes_before_torch_and_an_interrupt_ends_it_quietly() -> None:
    code = (
        "import sys, threading\n"
        "import slopes.explorer\n"
        "assert 'torch' not in sys.modules\n"
        "slopes.explorer.serve(0, open_browser=False)\n"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            assert process.stdout is not None
            url = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            assert url is not None
            assert "<h1>" in httpx.get(f"{url.group()}/activations", timeout=30).text
            answer = httpx.get(f"{url.group()}/api/activations", timeout=60)
            process.send_signal(signal.SIGINT)
            _, complaints = process.communicate(timeout=30)
        finally:
            process.kill()
    assert complaints == ""
    assert answer.status_code == 200
    assert process.returncode == 0


def test_the_server_is_imported_without_torch() -> None:
    code = (
        "import sys, types, pathlib\n"
        "package = types.ModuleType('slopes')\n"  # the package's own names are another test's business
        "package.__path__ = [sys.argv[1]]\n"
        "sys.modules['slopes'] = package\n"
        "import slopes.explorer.site.application, slopes.explorer.site.loading\n"
        "assert 'torch' not in sys.modules and 'altair' not in sys.modules\n"
    )
    import slopes  # noqa: PLC0415

    subprocess.run([sys.executable, "-c", code, slopes.__path__[0]], check=True)  # noqa: S603  our own code
