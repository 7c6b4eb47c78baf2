# SPDX-License-Identifier: MIT
"""Servers for the end-to-end tests: scripted ones, nginx and nghttpd.

Everything listens on loopback, on a port the kernel chose or that was free a
moment ago, and is stopped by its process id.
"""

import contextlib
import http.client
import select
import socket
import struct
import subprocess
import threading
import time

START_SECONDS = 15


class Peer:
    """Listens, and runs talk(connection, number) in a thread for each."""

    def __init__(self, talk, family=socket.AF_INET, address=("127.0.0.1", 0)):
        self.talk = talk
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(address)
        self.listener.listen(512)
        self.accepted = 0
        self.open = 0
        self.open_most = 0
        self.lock = threading.Lock()
        self.connections = []
        self.closing, self.wake = socket.socketpair()
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    @property
    def port(self):
        return self.listener.getsockname()[1]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def accept(self):
        while True:
            ready, _, _ = select.select([self.listener, self.closing], [], [])
            if self.closing in ready:
                return
            connection, _ = self.listener.accept()
            with self.lock:
                self.accepted += 1
                self.open += 1
                self.open_most = max(self.open_most, self.open)
                number = self.accepted
                self.connections.append(connection)
            threading.Thread(
                target=self.serve, args=(connection, number), daemon=True
            ).start()

    def serve(self, connection, number):
        with contextlib.suppress(OSError, EOFError):
            self.talk(connection, number)
        with self.lock:
            self.open -= 1
            self.connections.remove(connection)
        connection.close()

    def close(self):
        self.wake.send(b"x")
        self.thread.join()
        self.listener.close()
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.closing.close()
        self.wake.close()


class Request:
    """A request as it came."""

    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, self.version = lines[0].split(" ")
        self.fields = [tuple(line.split(": ", 1)) for line in lines[1:] if line]
        self.body = body
        self.path = self.target.split("?")[0]

    def get(self, name):
        found = [v for k, v in self.fields if k.lower() == name.lower()]
        return found[0] if found else None


class Reader:
    """Reads requests from a connection."""

    def __init__(self, connection):
        self.connection = connection
        self.data = b""

    def more(self):
        got = self.connection.recv(65536)
        if not got:
            raise EOFError
        self.data += got

    def until(self, mark):
        while mark not in self.data:
            self.more()
        found, self.data = self.data.split(mark, 1)
        return found

    def exactly(self, count):
        while len(self.data) < count:
            self.more()
        found, self.data = self.data[:count], self.data[count:]
        return found

    def chunked(self):
        body = b""
        while True:
            size = int(self.until(b"\r\n").split(b";")[0], 16)
            body += self.exactly(size)
            self.until(b"\r\n")
            if size == 0:
                return body

    def request(self):
        head = self.until(b"\r\n\r\n")
        request = Request(head, b"")
        if request.get("content-length"):
            request.body = self.exactly(int(request.get("content-length")))
        elif request.get("transfer-encoding"):
            request.body = self.chunked()
        return request


def response(body=b"", status="200 OK", *fields, length=None):
    """The bytes of a response."""
    if isinstance(body, str):
        body = body.encode()
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {size}", *fields]
    return "\r\n".join([*lines, "", ""]).encode() + body


def reset(connection):
    """Closes with a TCP reset."""
    connection.setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    connection.close()


class Site(Peer):
    """HTTP/1.1 with keep-alive.  routes maps a path to the bytes to answer, or
    to a function of (request, connection) that returns them, or None when it
    has answered itself and the connection is to be closed.  What has no route
    is 404."""

    def __init__(self, **more):
        self.routes = {}
        self.requests = []
        super().__init__(self.speak, **more)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.close()

    def speak(self, connection, number):
        reader = Reader(connection)
        while True:
            request = reader.request()
            with self.lock:
                self.requests.append(request)
            answer = self.routes.get(request.path)
            if answer is None:
                answer = response("no such thing\n", "404 Not Found")
            if callable(answer):
                answer = answer(request, connection)
            if answer is None:
                return
            connection.sendall(answer)


def make_certificate(folder):
    """Returns the paths of a certificate, which is its own authority, and of
    its key."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *"openssl req -x509 -newkey ec -pkeyopt".split(),
            *"ec_paramgen_curve:prime256v1 -nodes -days 2".split(),
            *["-subj", "/CN=localhost"],
            *["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
            *["-keyout", key, "-out", cert],
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


def free_ports(count):
    """Ports that nobody listens on."""
    holders = [socket.socket() for _ in range(count)]
    for holder in holders:
        holder.bind(("127.0.0.1", 0))
    ports = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    return ports


def wait_for_port(port, process):
    """Until something listens there; a connection is the only event there is."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, "the server has ended"
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        assert time.monotonic() < deadline, "the server does not listen"
        time.sleep(0.02)


def stop(process):
    process.terminate()
    try:
        process.wait(START_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


NGINX_CONF = """
daemon off;
worker_processes 1;
user root;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  log_format connection '$connection $server_port $server_protocol $uri';
  access_log {folder}/access.log connection;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000;
  http2_max_concurrent_streams 128;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_certificate {cert};
  ssl_certificate_key {key};
  default_type application/octet-stream;
  types {{ text/plain txt; text/html html; }}
  server {{
    listen 127.0.0.1:{plain};
    listen 127.0.0.1:{tls} ssl;
    listen 127.0.0.1:{h2} ssl http2;
    root {folder}/docs;
    location /moved {{ return 302 /files/1; }}
    location /slow {{ limit_rate 20k; alias {folder}/docs/files/; }}
    location /hang-up {{ return 444; }}
    location /packed/ {{ gzip on; gzip_types *; gzip_min_length 1; }}
  }}
  server {{
    listen 127.0.0.1:{short_plain};
    listen 127.0.0.1:{short_h2} ssl http2;
    root {folder}/docs;
    keepalive_requests 50;
  }}
}}
"""


class Nginx:
    """nginx: docs is its document root; plain, tls and h2 are URLs, and so are
    short_plain and short_h2, whose connections end after 50 requests."""

    def __init__(self, folder, certificate):
        self.folder = folder
        self.docs = folder / "docs"
        (self.docs / "files").mkdir(parents=True)
        self.certificate = certificate
        self.ports = free_ports(5)
        plain, tls, h2, short_plain, short_h2 = self.ports
        self.plain = f"http://127.0.0.1:{plain}"
        self.tls = f"https://127.0.0.1:{tls}"
        self.h2 = f"https://127.0.0.1:{h2}"
        self.short_plain = f"http://127.0.0.1:{short_plain}"
        self.short_h2 = f"https://127.0.0.1:{short_h2}"
        (folder / "nginx.conf").write_text(
            NGINX_CONF.format(
                folder=folder,
                cert=certificate[0],
                key=certificate[1],
                plain=plain,
                tls=tls,
                h2=h2,
                short_plain=short_plain,
                short_h2=short_h2,
            )
        )

    def __enter__(self):
        self.process = subprocess.Popen(
            ["nginx", "-p", self.folder, "-c", self.folder / "nginx.conf"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for port in self.ports:
            wait_for_port(port, self.process)
        return self

    def __exit__(self, *what):
        stop(self.process)

    def connections(self, url):
        """The connections that requests to `url` came on, by the log."""
        # The only worker writes a line after its response, before it turns to
        # another request: when this is answered, all earlier lines are there.
        settling = http.client.HTTPConnection("127.0.0.1", self.ports[3])
        with contextlib.closing(settling):
            settling.request("GET", "/settled")
            settling.getresponse().read()
        port = url.rsplit(":", 1)[1]
        lines = (self.folder / "access.log").read_text().splitlines()
        return {line.split()[0] for line in lines if line.split()[1] == port}


class Nghttpd:
    """nghttpd: docs is its document root; plain and tls are URLs."""

    def __init__(self, folder, certificate):
        self.docs = folder / "docs"
        self.docs.mkdir()
        plain, tls = free_ports(2)
        self.plain = f"http://127.0.0.1:{plain}"
        self.tls = f"https://127.0.0.1:{tls}"
        common = ["nghttpd", "-a", "127.0.0.1", "-d", self.docs]
        cert, key = certificate
        self.commands = [
            (plain, [*common, "--no-tls", str(plain)]),
            (tls, [*common, str(tls), key, cert]),
        ]
        self.processes = []

    def __enter__(self):
        for port, command in self.commands:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            self.processes.append(process)
            wait_for_port(port, process)
        return self

    def __exit__(self, *what):
        for process in self.processes:
            stop(process)


class NameServer:
    """Answers every DNS query with the response code it is made with."""

    NXDOMAIN = 3
    SERVFAIL = 2

    def __init__(self, code):
        self.code = code
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.closing, self.wake = socket.socketpair()
        self.thread = threading.Thread(target=self.answer, daemon=True)

    def answer(self):
        while True:
            ready, _, _ = select.select([self.socket, self.closing], [], [])
            if self.closing in ready:
                return
            query, client = self.socket.recvfrom(4096)
            flags = struct.pack(">H", 0x8180 | self.code)
            counts = struct.pack(">HHHH", 1, 0, 0, 0)
            end = query.index(b"\0", 12) + 5
            answer = query[:2] + flags + counts + query[12:end]
            self.socket.sendto(answer, client)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *what):
        self.wake.send(b"x")
        self.thread.join()
        self.socket.close()
        self.closing.close()
        self.wake.close()
