# SPDX-License-Identifier: MIT
"""The options of TLS, against a server that asks for a client certificate."""

import base64
import contextlib
import hashlib
import http.server
import ssl
import subprocess
import threading

import pytest


def openssl(*args):
    return subprocess.run(
        ["openssl", *map(str, args)], check=True, capture_output=True
    ).stdout


class Handler(http.server.BaseHTTPRequestHandler):
    """Tells what was negotiated."""

    def do_GET(self):
        cert = self.connection.getpeercert() or {"subject": ()}
        names = [value for ((_, value),) in cert["subject"]]
        cipher = self.connection.cipher()[0]
        body = f"{','.join(names)} {self.connection.version()} {cipher}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Clients that fail the handshake are what is tested."""


@contextlib.contextmanager
def serve(certificate, client_ca=None, version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)
    if version:
        context.minimum_version = context.maximum_version = version
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"https://localhost:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """A client certificate, its locked key, and both as PKCS#12."""
    folder = tmp_path_factory.mktemp("mine")
    cert, key, bag = (folder / name for name in ("c.pem", "k.pem", "c.p12"))
    openssl(
        *"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1".split(),
        *["-days", "2", "-subj", "/CN=me", "-passout", "pass:sesame"],
        *["-keyout", key, "-out", cert],
    )
    openssl(
        *["pkcs12", "-export", "-in", cert, "-inkey", key, "-out", bag],
        *["-passin", "pass:sesame", "-passout", "pass:sesame"],
    )
    return cert, key, bag


def pin_of(certificate):
    key = openssl("x509", "-in", certificate[0], "-pubkey", "-noout")
    der = subprocess.run(
        "openssl pkey -pubin -outform der".split(),
        input=key,
        check=True,
        capture_output=True,
    ).stdout
    digest = hashlib.sha256(der).digest()
    return "sha256//" + base64.b64encode(digest).decode()


def test_client_certificate(program, certificate, mine):
    cert, key, bag = mine
    trust = ["--cacert", certificate[0]]
    with serve(certificate, client_ca=cert) as url:
        run = program("get", *trust, url)
        assert run.status == 8
        assert "client certificate" in run.err
        run = program(
            *["get", *trust, "--cert", cert, "--key", key, "--pass", "sesame"],
            url,
        )
        assert (run.status, run.err) == (0, "")
        assert run.out.startswith(b"me TLSv1.3 ")
        run = program("get", *trust, "-E", bag, "--pass", "sesame", url)
        assert (run.status, run.out[:3]) == (0, b"me ")


@pytest.mark.parametrize(
    "options, message",
    [
        (["--cert", "/nonexistent"], "/nonexistent cannot be read: No such"),
        (["--key", "/nonexistent"], "no client certificate"),
        (["--ciphers", "ROT13"], 'ciphers "ROT13" cannot be used'),
        (["--tls13-ciphers", "ROT13"], 'ciphers "ROT13" cannot be used'),
        (["--curves", "ROT13"], 'groups "ROT13" cannot be used'),
        (["--pinnedpubkey", "abc"], "sha256//BASE64"),
        (["--tlsv1.3", "--tls-max", "1.2"], "above the highest"),
        (["--tls-min", "1.3", "--tls-max", "1.2"], "above the highest"),
        (["--tls-max", "1.1"], "1.2"),
        (["--keylog", "/nonexistent/log"], "key log /nonexistent/log"),
        (["--cacert", "/nonexistent"], "/nonexistent cannot be read: No such"),
    ],
)
def test_wrong_options(program, options, message):
    run = program("get", *options, "https://localhost:1/")
    assert run.status == 64
    assert message in run.err
    assert len(run.err.splitlines()) == 1


def test_wrong_password(program, certificate, mine):
    options = ["--cert", mine[0], "--key", mine[1]]
    run = program("get", *options, "--pass", "guess", "https://localhost:1/")
    assert run.status == 64
    assert "the password may be wrong" in run.err
    assert "guess" not in run.err
    run = program("get", *options, "https://localhost:1/")
    assert "there is no password" in run.err


def test_versions(program, certificate):
    with serve(certificate) as url:
        run = program("get", "-k", "--tls-max", "1.2", url)
        assert b" TLSv1.2 " in run.out
        run = program("get", "-k", "--tlsv1.3", url)
        assert b" TLSv1.3 " in run.out
    with serve(certificate, version=ssl.TLSVersion.TLSv1_2) as url:
        run = program("get", "-k", "--tlsv1.3", url)
        assert run.status == 8
        assert "no TLS version in common" in run.err


def test_ciphers(program, certificate):
    with serve(certificate) as url:
        run = program(
            *["get", "-k", "--tls-max", "1.2"],
            *["--ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256", url],
        )
        assert run.out.endswith(b"ECDHE-ECDSA-AES128-GCM-SHA256")
        suite = "TLS_CHACHA20_POLY1305_SHA256"
        run = program("get", "-k", "--tls13-ciphers", suite, url)
        assert run.out.endswith(suite.encode())


def test_pinned_key(program, certificate):
    pin = pin_of(certificate)
    other = "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    with serve(certificate) as url:
        both = f"{other};{pin}"
        assert program("get", "-k", "--pinnedpubkey", both, url).status == 0
        run = program("get", "-k", "--pinnedpubkey", other, url)
        assert run.status == 8
        assert pin in run.err


def test_key_log(program, certificate):
    with serve(certificate) as url:
        assert program("get", "-k", "--keylog", "keys", url).status == 0
    assert "CLIENT_TRAFFIC_SECRET_0 " in (program.folder / "keys").read_text()
