# SPDX-License-Identifier: MIT
"""Help, version, and options that are curl's."""

import pathlib
import re

import pytest

from servers import response

MANUAL = pathlib.Path(__file__).parents[2] / "man" / "ahttp.1"


def shown_options(program):
    """The options of --help, without their hyphens."""
    text = program("get", "--help").out.decode()
    found = set()
    for line in text.splitlines():
        match = re.match(r"  (?:-(\w), |    )--([a-z0-9.-]+)", line)
        if match:
            found.update(name for name in match.groups() if name)
    return found


def test_help_lists_the_options_in_groups(program):
    run = program("get", "--help")
    assert (run.status, run.err) == (0, "")
    text = run.out.decode()
    groups = [l for l in text.splitlines() if re.fullmatch(r"[A-Z][a-z]+", l)]
    assert groups == [
        *["Input", "Request", "Output", "Results", "Jobs", "Time", "Network"],
        "Messages",
    ]
    assert {"input-file", "i", "jobs", "j", "results"} <= shown_options(program)
    assert all(len(line) < 80 for line in text.splitlines())


def test_manual_lists_the_same_options(program):
    text = MANUAL.read_text().replace("\\-", "-")
    described = set(re.findall(r"^\.It Fl (\S+)", text, re.M))
    for line in re.findall(r"^\.It (.*Fl .*)$", text, re.M):
        described.update(re.findall(r"Fl (\S+)", line))
    described = {name.lstrip("-").rstrip(",") for name in described}
    assert shown_options(program) == described


@pytest.mark.parametrize("words", [["help"], ["--help"], ["help", "get"]])
def test_help(program, words):
    run = program(*words)
    assert run.status == 0
    assert run.out.startswith(b"Usage: ahttp get")


@pytest.mark.parametrize("topic", ["templates", "exit"])
def test_help_topics(program, topic):
    assert program("help", topic).status == 0


@pytest.mark.parametrize("word", ["version", "--version"])
def test_version(program, word):
    run = program(word)
    assert run.status == 0
    assert re.match(rb"ahttp \d+\.\d+\.\d+\nlibahttp/", run.out)


@pytest.mark.parametrize(
    "words, told",
    [
        ([], "help"),
        (["frobnicate"], "no command"),
        (["https://example.org/"], "ahttp get https://example.org/"),
        (["-O", "x"], "after the command"),
        (["help", "nothing"], "templates"),
        (["get"], "no URL"),
        (["get", "-"], "-i -"),
        (["get", "--jobs"], "wants a value"),
        (["get", "--jobs=many", "x"], "number"),
        (["get", "--insecure=yes", "x"], "no value"),
    ],
)
def test_usage_errors(program, words, told):
    run = program(*words)
    assert run.status == 64
    assert told in run.err
    assert len(run.err.splitlines()) == 1


@pytest.mark.parametrize(
    "word, near",
    [
        ("-I", "-X HEAD"),
        ("--ntlm", "--anyauth"),
        ("--include", "-v"),
        ("--retry", "--results"),
        ("--jbos", "--jobs"),
        ("--outputdir", "--output-dir"),
        ("--frobnicate", "ahttp help get"),
    ],
)
def test_unknown_option_is_answered_with_the_nearest(program, word, near):
    run = program("get", word, "https://example.org/")
    assert run.status == 64
    assert f"unknown option {word}" in run.err
    assert near in run.err


def test_curl_habits_are_understood(program, site, folder):
    site.routes["/a"] = response("", "302 Found", "Location: /b")
    site.routes["/b"] = response("there")
    run = program("get", "-sSfLZ", site.url + "/a", "-o", "file")
    assert (run.status, run.err) == (0, "")
    assert (folder / "file").read_text() == "there"
    run = program(
        *["get", "-sLO", "--parallel-max", 5, "--parallel-immediate"],
        *["--output-dir", "d", "--create-dirs", "--url", site.url + "/b"],
    )
    assert run.status == 0
    assert (folder / "d" / "b").read_text() == "there"


def test_values_may_be_joined_to_their_option(program, site, folder):
    site.routes["/a"] = response("x")
    run = program("get", "-j1", "--output=file", "-m5", site.url + "/a")
    assert run.status == 0
    assert (folder / "file").exists()


def test_what_follows_two_hyphens_is_a_url(program, folder):
    run = program("get", "--out-null", "--results", "r", "--", "-i x")
    assert run.status == 64  # it is none
    assert run.records("r")[0]["url"] == "-i x"
