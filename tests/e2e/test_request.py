# SPDX-License-Identifier: MIT
"""What is sent: method, fields, content; and where to."""

import pytest

from servers import response


@pytest.fixture
def echo(site):
    site.routes["/a"] = response("x")
    return site


def test_plain_request(program, echo):
    assert program("get", echo.url + "/a?b=c#d").status == 0
    (request,) = echo.requests
    assert (request.method, request.target) == ("GET", "/a?b=c")
    assert request.get("Host") == f"127.0.0.1:{echo.port}"
    assert request.get("User-Agent").startswith("ahttp/")


def test_fields(program, echo):
    fields = ["X-One: 1", "X-Two:  two words ", "X-Empty;"]
    options = [word for field in fields for word in ("-H", field)]
    assert program("get", *options, echo.url + "/a").status == 0
    sent = dict(
        (key, value.strip()) for key, value in
        (field if len(field) == 2 else (field[0].rstrip(": "), "")
         for field in echo.requests[0].fields)
    )
    assert sent["X-One"] == "1"
    assert sent["X-Two"] == "two words"
    assert sent["X-Empty"] == ""


def test_user_agent(program, echo):
    program("get", "-A", "me/1", echo.url + "/a")
    program("get", "-A", "", echo.url + "/a")
    program("get", "-H", "User-Agent: you", echo.url + "/a")
    agents = [request.get("User-Agent") for request in echo.requests]
    assert agents == ["me/1", None, "you"]


def test_method(program, echo):
    program("get", "-X", "DELETE", echo.url + "/a")
    assert echo.requests[0].method == "DELETE"


def test_head_has_no_body_and_makes_no_file(program, site, folder):
    site.routes["/a"] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    run = program("get", "-X", "HEAD", "-O", site.url + "/a")
    assert run.status == 0
    assert list(folder.iterdir()) == []


def test_data_makes_a_form_post(program, echo):
    program("get", "-d", "a=1", "-d", "b=2", echo.url + "/a")
    (request,) = echo.requests
    assert (request.method, request.body) == ("POST", b"a=1&b=2")
    kind = "application/x-www-form-urlencoded"
    assert request.get("Content-Type") == kind


def test_data_from_a_file_is_sent_as_it_is(program, echo, folder):
    data = bytes(range(256)) * 1000
    (folder / "data").write_bytes(data)
    program(
        "get",
        *["-X", "PUT", "-H", "Content-Type: x/y", "-d", "@data"],
        *[echo.url + "/a"] * 3,
        "--out-null",
    )
    assert len(echo.requests) == 3
    for request in echo.requests:
        assert (request.method, request.body) == ("PUT", data)
        assert request.get("Content-Type") == "x/y"


def test_data_from_standard_input(program, echo):
    program("get", "-d", "@-", echo.url + "/a", text="from a pipe\n")
    assert echo.requests[0].body == b"from a pipe\n"


def test_json(program, echo, folder):
    (folder / "data").write_bytes(b'{"a": 1}\n')
    program("get", "--json", '{"a":', "--json", "1}", echo.url + "/a")
    program("get", "--json", "@data", echo.url + "/a")
    program("get", "--json", "@-", "-H", "Content-Type: x/y", "-H",
            "accept: */*", "-X", "PUT", echo.url + "/a", text="[]")
    first, second, third = echo.requests
    assert (first.method, first.body) == ("POST", b'{"a":1}')
    assert first.get("Content-Type") == "application/json"
    assert first.get("Accept") == "application/json"
    assert second.body == b'{"a": 1}\n'
    assert (third.method, third.body) == ("PUT", b"[]")
    assert third.get("Content-Type") == "x/y"
    assert third.get("Accept") == "*/*"


def form_of(request):
    """The parts of a multipart request: (fields, content) each."""
    kind, boundary = request.get("Content-Type").split("; boundary=")
    assert kind == "multipart/form-data"
    delimiter = b"\r\n--" + boundary.encode()
    parts = (b"\r\n" + request.body).split(delimiter)
    assert parts[0] == b"" and parts[-1] == b"--\r\n"
    for part in parts[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        yield head.decode().split("\r\n")[1:], content


def test_form(program, echo, folder):
    data = bytes(range(256)) * 1000
    (folder / "pic.png").write_bytes(data)
    (folder / "a;type=x").write_bytes(b"odd")
    fields = [
        "title=Sea; the=sea, \u00e9",
        "pic=@pic.png",
        "text=<pic.png",
        "doc=@pic.png;type=text/x;a=b;filename=c:\\d.txt",
        'odd=@"a;type=x";filename="q\\"\\\\.json"',
        'plain="quoted ;type=x";type=a/b',
        'half="open',
        "empty=",
        "in=@-",
    ]
    options = [word for field in fields for word in ("-F", field)]
    run = program("get", *options, echo.url + "/a", text="piped")
    assert run.status == 0, run.err
    (request,) = echo.requests
    assert request.method == "POST"
    assert request.get("Content-Length") == str(len(request.body))
    start = "Content-Disposition: form-data; name="
    assert list(form_of(request)) == [
        ([start + '"title"'], "Sea; the=sea, \u00e9".encode()),
        ([start + '"pic"; filename="pic.png"', "Content-Type: image/png"],
         data),
        ([start + '"text"'], data),
        ([start + '"doc"; filename="c:\\d.txt"',
          "Content-Type: text/x;a=b"], data),
        ([start + '"odd"; filename="q%22\\.json"',
          "Content-Type: application/json"], b"odd"),
        ([start + '"plain"', "Content-Type: a/b"], b"quoted ;type=x"),
        ([start + '"half"'], b'"open'),
        ([start + '"empty"'], b""),
        ([start + '"in"; filename="-"',
          "Content-Type: application/octet-stream"], b"piped"),
    ]


def test_form_goes_to_every_url(program, echo, folder):
    data = b"x" * 100_000
    (folder / "f").write_bytes(data)
    urls = [echo.url + "/a"] * 20
    run = program("get", "-F", "f=@f", "--out-null", *urls)
    assert run.status == 0
    bodies = [list(form_of(request)) for request in echo.requests]
    assert len(bodies) == 20
    assert all(parts[0][1] == data for parts in bodies)


def test_content_is_sent_again_on_307(program, site):
    site.routes["/a"] = response("", "307 Again", "Location: /b")
    site.routes["/b"] = response("x")
    assert program("get", "-d", "data", site.url + "/a").status == 0
    assert [r.body for r in site.requests] == [b"data", b"data"]


@pytest.mark.parametrize(
    "options, told",
    [
        (["-H", "no colon"], "Name: value"),
        (["-H", "X: a\nY: b"], "X: a"),
        (["-H", "Content-Length: 3"], "Content-Length"),
        (["-X", "GE T"], "no request method"),
        (["-d", "@missing"], "cannot read missing"),
        (["-d", "@-", "-i", "-"], "only once"),
        (["-F", "a=@-", "-F", "b=<-"], "only once"),
        (["--json", "@-", "-i", "-"], "only once"),
        (["-F", "a"], "NAME=@FILE"),
        (["-F", "=a"], "NAME=@FILE"),
        (["-F", "a=@missing"], "cannot read missing"),
        (["-F", "a=b;type=c\nd"], "cannot be sent"),
        (["-F", "a=b", "-H", "Content-Type: multipart/x; boundary=;"],
         "the form cannot be sent"),
        (["-F", "a=b", "-d", "c"], "exclude each other"),
        (["--json", "1", "-d", "c"], "exclude each other"),
        (["--resolve", "x"], "HOST:PORT:ADDR"),
        (["--cacert", "missing"], "missing"),
        (["-j", "0"], "1 to 10000"),
        (["-m", "soon"], "--max-time"),
        (["-o", "-", "https://two.example/"], "one URL"),
        (["--color", "red"], "auto|always|never"),
    ],
)
def test_usage_errors_fetch_nothing(program, echo, options, told):
    run = program("get", *options, echo.url + "/a")
    assert run.status == 64
    assert run.err.startswith("ahttp: ") and told in run.err
    assert len(run.err.splitlines()) == 1
    assert echo.requests == []


def test_resolve_sends_a_host_elsewhere(program, echo):
    run = program(
        *["get", "--resolve", f"far.example:{echo.port}:127.0.0.1"],
        f"http://far.example:{echo.port}/a",
    )
    assert (run.status, run.out) == (0, b"x")
    assert echo.requests[0].get("Host") == f"far.example:{echo.port}"


def test_host_beyond_ascii(program, echo):
    if b"no-IDNA" in program("--version").out:
        pytest.skip("built without libidn2")
    typed = f"http://B\u00fccher.example:{echo.port}/a"
    run = program(
        *["get", "--resolve", f"b\u00fccher.example:{echo.port}:127.0.0.1"],
        *["--resolve", f"fa\u00df.example:{echo.port}:127.0.0.1"],
        *["--out-null", typed],
        typed.replace("B\u00fccher", "fa\u00df"),
    )
    assert run.status == 0
    hosts = sorted(request.get("Host") for request in echo.requests)
    assert hosts == [f"xn--bcher-kva.example:{echo.port}",
                     f"xn--fa-hia.example:{echo.port}"]


def test_host_that_is_no_domain_name(program):
    run = program("get", "http://a\u200db.example/")
    assert run.status != 0
    assert run.err.startswith("bad_url ")


def test_resolve_every_host_on_every_port(program, echo):
    run = program(
        *["get", "--resolve", "*:0:127.0.0.1", "--out-null"],
        *[f"http://h{i}.example:{echo.port}/a" for i in range(5)],
    )
    assert run.status == 0
    hosts = {request.get("Host") for request in echo.requests}
    assert len(hosts) == 5


def test_credentials_do_not_follow_a_redirect_elsewhere(program, site):
    site.routes["/b"] = response("x")
    site.routes["/a"] = response(
        "", "302 Found", f"Location: http://other.example:{site.port}/b"
    )
    run = program(
        *["get", "-H", "Authorization: Bearer s3cret"],
        *["--resolve", "other.example:0:127.0.0.1", site.url + "/a"],
    )
    assert run.status == 0
    sent = [request.get("Authorization") for request in site.requests]
    assert sent == ["Bearer s3cret", None]


SECRETS = ["pa55word", "t0psecret", "s3cretquery"]


def test_secrets_are_hidden(program, site, folder):
    url = (
        f"http://user:pa55word@127.0.0.1:{site.port}/a"
        "?token=s3cretquery&x=visible"
    )
    run = program(
        *["get", "-v", "-P", "out", "--results", "results.jsonl"],
        *["-H", "Authorization: Bearer t0psecret", url, url],
    )
    text = run.err + (folder / "results.jsonl").read_text()
    for secret in SECRETS:
        assert secret not in text
    assert "visible" in text and "***" in text
    for record in run.records():
        assert record["url"].startswith(f"http://***@127.0.0.1:{site.port}/a")


def test_secrets_of_broken_lines_are_hidden(program, folder):
    lines = [
        "http://user:pa55word@[broken/",
        "https:user:pa55word@exa mple/",
        "user:pa55word@exa mple/?token=s3cretquery",
        "ht!tp:/\\user:pa55word@exa mple/",
    ]
    run = program(
        *["get", "-i", "-", "--results", "results.jsonl"], text="\n".join(lines)
    )
    text = run.err + (folder / "results.jsonl").read_text()
    assert len(run.records()) == 4
    for secret in SECRETS:
        assert secret not in text


def test_secrets_are_shown_when_asked_for(program, site):
    url = f"http://user:pa55word@127.0.0.1:{site.port}/a"
    run = program("get", "--show-secrets", "--results", "results.jsonl", url)
    assert run.records()[0]["url"] == url
