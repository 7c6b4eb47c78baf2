# SPDX-License-Identifier: MIT
"""File names: decided by the input, safe, and never the same twice."""

import os
import random
import time

import pytest

from servers import response

RESULTS = ("--results", "results.jsonl")


def names(folder):
    return sorted(
        os.path.relpath(os.path.join(where, name), folder)
        for where, _, names in os.walk(folder)
        for name in names
    )


def test_same_name_three_times_is_three_files_on_every_run(program, site):
    for number in range(3):
        site.routes[f"/{number}/data"] = lambda request, connection: (
            time.sleep(random.random() / 20),
            response(request.path),
        )[1]
    urls = [f"{site.url}/{number}/data" for number in range(3)]
    for attempt in range(10):
        folder = program.folder / f"run{attempt}"
        assert program("get", "-P", folder, *urls).status == 0
        assert names(folder) == ["data", "data.1", "data.2"]
        assert (folder / "data").read_text() == "/0/data"
        assert (folder / "data.1").read_text() == "/1/data"
        assert (folder / "data.2").read_text() == "/2/data"


def test_a_failure_does_not_move_the_names(program, site, folder):
    site.routes["/b/data"] = response("b")
    site.routes["/c/data"] = response("c")
    urls = [f"{site.url}/{letter}/data" for letter in "abc"]
    assert program("get", "-j", 1, "-P", "out", *urls).status == 20
    assert names(folder / "out") == ["data.1", "data.2"]


def test_existing_files_are_kept(program, site, folder):
    site.routes["/data"] = response("new")
    (folder / "data").write_text("old")
    (folder / "data.1").write_text("older")
    run = program("get", *RESULTS, *[site.url + "/data"] * 2)
    assert run.status == 0
    assert (folder / "data").read_text() == "old"
    assert (folder / "data.1").read_text() == "older"
    assert run.by_n()[1]["file"] == "data.2"
    assert run.by_n()[2]["file"] == "data.3"


def test_abandoned_part_is_not_touched(program, site, folder):
    site.routes["/data"] = response("new")
    (folder / "data.part").write_text("of another run")
    run = program("get", "-O", *RESULTS, site.url + "/data")
    assert run.by_n()[1]["file"] == "data.1"
    assert (folder / "data.part").read_text() == "of another run"
    assert program("get", "-o", "data", site.url + "/data").status == 0
    assert (folder / "data").read_text() == "new"
    assert (folder / "data.part").read_text() == "of another run"


@pytest.mark.parametrize("first, second", [("x", "x.part"), ("x.part", "x")])
def test_name_that_is_anothers_part(program, site, folder, first, second):
    site.routes["/" + first] = response(first)
    site.routes["/" + second] = response(second)
    urls = [site.url + "/" + first, site.url + "/" + second]
    for jobs in (1, 2):
        run = program("get", "-P", f"out{jobs}", "-j", jobs, *RESULTS, *urls)
        assert run.status == 0
        for record in run.records():
            text = (folder / record["file"]).read_text()
            assert record["url"].endswith("/" + text)
    assert names(folder / "out1") == names(folder / "out2")


def test_number_goes_before_the_extension(program, site, folder):
    site.routes["/i.jpg"] = response("x")
    site.routes["/v1.2"] = response("x")
    urls = [site.url + "/i.jpg", site.url + "/v1.2"] * 2
    assert program("get", *urls).status == 0
    assert names(folder) == ["i.1.jpg", "i.jpg", "v1.2", "v1.2.1"]


TEMPLATES = [
    ("{n}", "1"),
    ("{n:06}-{name}", "000001-c.tar.gz"),
    ("{host}/{path}", "127.0.0.1/a/b/c.tar.gz"),
    ("{dir}/x", "a/b/x"),
    ("{stem}.{n}.{ext}", "c.tar.1.gz"),
    ("{status}/{name}", "200/c.tar.gz"),
    ("{n}.{ctype_ext}", "1.json"),
    ("{{{n}}}", "{1}"),
    ("deep/er/", "deep/er/c.tar.gz"),
    ("{shard:100}/{n}", "00000/1"),
]


@pytest.mark.parametrize("template, name", TEMPLATES)
def test_template(program, site, folder, template, name):
    site.routes["/a/b/c.tar.gz"] = response(
        "x", "200 OK", "Content-Type: application/json; charset=utf-8"
    )
    run = program("get", "-o", template, site.url + "/a/b/c.tar.gz?q=1")
    assert run.status == 0, run.err
    assert names(folder) == [name]


def test_template_below_a_folder(program, site, folder):
    site.routes["/a"] = response("x")
    assert program("get", "-P", "p", "-o", "{n}/y", site.url + "/a").status == 0
    assert names(folder) == ["p/1/y"]


def test_empty_extension_takes_its_dot_away(program, site, folder):
    site.routes["/data"] = response("x")
    program("get", "-o", "{stem}.{ext}", site.url + "/data")
    assert names(folder) == ["data"]


@pytest.mark.parametrize("template", ["{nope}", "{n", "{n:x}", "{shard}"])
def test_bad_template_is_a_usage_error(program, site, folder, template):
    run = program("get", "-o", template, site.url + "/a")
    assert run.status == 64
    assert "template" in run.err
    assert site.requests == []


def test_hash_fields_tell_queries_apart(program, site, folder):
    site.routes["/a"] = response("x")
    urls = [f"{site.url}/a?{query}" for query in "xy"]
    program("get", "-o", "{qhash}", *urls)
    assert len({name for name in names(folder) if len(name) == 8}) == 2
    again = program("get", "-P", "again", "-o", "{qhash}", *urls)
    assert again.status == 0
    assert names(folder / "again") == [n for n in names(folder) if "/" not in n]


NAMES = [
    ("/", "index.html"),
    ("/a/", "index.html"),
    ("/%2e%2e", "index.html"),
    ("/a/..%2fb", "..%2fb"),
    ("/x%00y", "x%00y"),
    ("/x%0ay", "x%0ay"),
    ("/%1b%5b2J", "%1b%5b2J"),
    ("/%c3%a4", "\u00e4"),
    ("/%ff", "%ff"),
    ("/a%20b", "a b"),
    ("/%e2%80%ae", "%e2%80%ae"),
    ("/" + "n" * 300, "n" * 250),
    ("/" + "n" * 300 + ".txt", "n" * 246 + ".txt"),
    ("/" + "%c3%a4" * 150, "\u00e4" * 125),
]


@pytest.mark.parametrize("path, name", NAMES)
def test_name_from_a_hostile_url(program, site, folder, path, name):
    class Everything(dict):
        def get(self, key):
            return response("x")

    site.routes = Everything()
    (folder / "in").mkdir()
    run = program("get", "-P", "in", "-o", "{path}", site.url + path)
    assert run.status == 0, run.err
    (found,) = names(folder)
    assert found.startswith("in/")
    assert os.path.basename(found) == name


def test_long_names_stay_apart(program, site, folder):
    class Everything(dict):
        def get(self, key):
            return response(key[-1])

    site.routes = Everything()
    urls = [site.url + "/" + "n" * 300 + letter for letter in "abc"]
    assert program("get", "-P", "out", *urls).status == 0
    assert len(names(folder / "out")) == 3
    texts = {(folder / "out" / n).read_text() for n in names(folder / "out")}
    assert texts == {"a", "b", "c"}


def test_ten_thousand_equal_names(program, site, folder):
    site.routes["/data"] = response("x")
    lines = "".join(f"{site.url}/data?{i}\n" for i in range(10_000))
    run = program("get", "-i", "-", "-P", "out", *RESULTS, text=lines)
    assert run.status == 0
    wanted = {1: "out/data", **{n: f"out/data.{n - 1}" for n in range(2, 10_001)}}
    assert {r["n"]: r["file"] for r in run.records()} == wanted
    assert len(names(folder / "out")) == 10_000


def test_two_runs_in_one_folder_at_once(program, site, folder):
    for i in range(200):
        site.routes[f"/{i}"] = response(os.urandom(20_000))
    urls = [f"{site.url}/{i}" for i in range(200)]
    runs = [
        program.start("get", "-P", "out", "--results", f"r{k}", *urls)
        for k in range(2)
    ]
    records = []
    for k, process in enumerate(runs):
        run = program.finish(process)
        assert run.status == 0, run.err
        records += run.records(f"r{k}")
    assert len({record["file"] for record in records}) == 400
    for record in records:
        path = record["url"][len(site.url) :]
        body = site.routes[path].split(b"\r\n\r\n", 1)[1]
        assert (folder / record["file"]).read_bytes() == body
    assert len(names(folder / "out")) == 400
