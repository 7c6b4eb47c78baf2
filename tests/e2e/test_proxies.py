# SPDX-License-Identifier: MIT
"""Through proxies: options, environment, and what is shown of them."""

import base64

import pytest

from servers import Reader, response

BASIC = base64.b64encode(b"me:sEcret").decode()


class Forwarder:
    """A proxy that answers what it should forward itself."""

    def __init__(self, peer):
        self.heads = []
        self.peer = peer(self.talk)
        self.url = self.peer.url

    def talk(self, connection, number):
        self.heads.append(Reader(connection).request())
        connection.sendall(response(b"by proxy"))


@pytest.fixture
def proxy(peer):
    return Forwarder(peer)


def test_proxy_forwards(program, proxy):
    run = program("get", "-x", proxy.url, "http://a.test/x?y")
    assert (run.status, run.out) == (0, b"by proxy")
    assert proxy.heads[0].target == "http://a.test/x?y"


def test_proxy_without_scheme(program, proxy):
    run = program("get", "--proxy", f"127.0.0.1:{proxy.peer.port}", "http://a.test/")
    assert run.out == b"by proxy"


@pytest.mark.parametrize("user", ["url", "option"])
def test_credentials_are_sent_and_not_shown(program, proxy, user):
    options = ["-x", proxy.url.replace("//", "//me:sEcret@")]
    if user == "option":
        options = ["-x", proxy.url, "-U", "me:sEcret"]
    run = program("get", "-v", *options, "http://a.test/")
    assert run.out == b"by proxy"
    assert proxy.heads[0].get("proxy-authorization") == "Basic " + BASIC
    assert "sEcret" not in run.err and BASIC not in run.err


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "ALL_PROXY"])
def test_environment(program, proxy, site, name):
    site.routes["/x"] = response(b"direct")
    env = {name: proxy.url}
    assert program("get", "http://a.test/", env=env).out == b"by proxy"
    url = site.url + "/x"
    assert program("get", url, env=env).out == b"by proxy"
    assert program("get", "-x", "", url, env=env).out == b"direct"
    assert program("get", "--noproxy", "*", url, env=env).out == b"direct"
    env["NO_PROXY"] = "127.0.0.0/8"
    assert program("get", url, env=env).out == b"direct"
    assert program("get", "--noproxy", "", url, env=env).out == b"by proxy"


def test_no_proxy_is_for_the_option_too(program, proxy, site):
    site.routes["/x"] = response(b"direct")
    run = program(
        "get", "-x", proxy.url, site.url + "/x", env={"no_proxy": "127.0.0.1"}
    )
    assert run.out == b"direct"


def test_refusal_has_its_class(program, peer):
    def refuse(connection, number):
        Reader(connection).request()
        connection.sendall(response(b"no", "403 Forbidden"))

    run = program("get", "-x", peer(refuse).url, "https://a.test/")
    assert run.status != 0
    assert run.err.startswith("proxy ")
    assert "refused a tunnel to a.test:443: 403 Forbidden" in run.err


@pytest.mark.parametrize(
    "options, text",
    [
        (["-U", "a:b"], "--proxy-user is for a proxy given by --proxy"),
        (["--proxy-insecure"], "--proxy-insecure is for a proxy"),
        (["-x", "socks4://a:sEcret@b"], "none of http, https, socks5"),
        (["--socks5", "a"], "--proxy socks5://HOST"),
    ],
)
def test_wrong_options(program, options, text):
    run = program("get", *options, "http://a.test/")
    assert run.status == 64
    assert text in run.err
    assert "sEcret" not in run.err
