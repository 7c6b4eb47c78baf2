#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Compares the lists of files in Makefile.am with the tree.

  sources.py --check [TREE]   says what differs, exit status 1 if anything does
  sources.py --write [TREE]   rewrites the lists
"""

import pathlib
import re
import sys


def has_main(path):
    text = path.read_text(encoding="utf-8", errors="replace")
    return re.search(r"^int main\(", text, re.MULTILINE) is not None


def needs_corpora(path):
    return "AHTTP_CORPORA" in path.read_text(encoding="utf-8", errors="replace")


class Tree:
    def __init__(self, top):
        self.top = top

    def files(self, folder, *suffixes):
        """All files below |folder| that end in one of |suffixes|, if any."""
        found = []
        for path in (self.top / folder).rglob("*"):
            name = path.name
            if not path.is_file() or "__pycache__" in path.parts:
                continue
            if suffixes and not name.endswith(suffixes):
                continue
            found.append(path)
        return found

    def names(self, paths):
        return sorted(str(path.relative_to(self.top)) for path in paths)

    def sources(self, folder):
        return self.names(self.files(folder, ".c", ".h"))

    def programs(self, folder, wanted=lambda path: True):
        """Programs of one source file each, named without the suffix."""
        paths = [
            path
            for path in self.files(folder, ".c")
            if has_main(path) and wanted(path)
        ]
        return [name[:-2] for name in self.names(paths)]

    def unit_tests(self, with_corpora):
        return self.programs(
            "tests/unit", lambda path: needs_corpora(path) == with_corpora
        )

    def test_library(self):
        paths = [
            path
            for path in self.files("tests", ".c", ".h")
            if path.suffix == ".h" or not has_main(path)
        ]
        return self.names(paths)

    def data(self, folder):
        """What is neither a source nor a script that make check runs."""
        sources = self.files(folder, ".c", ".h")
        names = self.names(set(self.files(folder)) - set(sources))
        scripts = self.scripts()
        return [name for name in names if name not in scripts]

    def scripts(self):
        return self.names((self.top / "tests").glob("check_*.sh"))

    def documents(self):
        return self.names(self.files("doc", ".md"))


def expected_lists(tree):
    cli = tree.sources("cli")
    return {
        "ahttpinclude_HEADERS": tree.sources("include"),
        "libahttp_core_la_SOURCES": tree.sources("lib"),
        "libcli_la_SOURCES": [name for name in cli if name != "cli/main.c"],
        "dist_man_MANS": tree.names(tree.files("man")),
        "examples": tree.programs("examples"),
        "examples_cxx": tree.names(tree.files("examples", ".cc")),
        "bench_programs": tree.programs("bench"),
        "bench_files": tree.data("bench"),
        "libtestsupport_la_SOURCES": tree.test_library(),
        "unit_tests": tree.unit_tests(with_corpora=False),
        "corpora_tests": tree.unit_tests(with_corpora=True),
        "integration_tests": tree.programs("tests/integration"),
        "support_programs": tree.programs("tests/support"),
        "script_tests": tree.scripts(),
        "test_data": tree.data("tests"),
        "documents": tree.documents(),
        "tools": tree.names(tree.files("tools")),
    }


def list_pattern(variable):
    """The assignment of |variable|, continued over lines."""
    return re.compile(
        rf"^{variable} =(?P<items>(?:[^\n]*\\\n)*[^\n]*)$", re.MULTILINE
    )


def listed(text, variable):
    match = list_pattern(variable).search(text)
    if match is None:
        sys.exit(f"sources.py: Makefile.am has no list {variable}")
    return match["items"].replace("\\\n", " ").split()


def rewrite(text, variable, names):
    items = "".join(f" \\\n\t{name}" for name in names)
    return list_pattern(variable).sub(lambda _: f"{variable} ={items}", text)


def differences(variable, got, want):
    for name in sorted(set(want) - set(got)):
        yield f"{variable}: {name} is not listed"
    for name in sorted(set(got) - set(want)):
        yield f"{variable}: {name} does not exist"
    if sorted(got) == sorted(want) and got != want:
        yield f"{variable}: not sorted"


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in ("--check", "--write"):
        sys.exit(__doc__)
    top = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else ".").resolve()
    makefile = top / "Makefile.am"
    text = makefile.read_text(encoding="utf-8")
    wanted = expected_lists(Tree(top))
    if sys.argv[1] == "--write":
        new = text
        for variable, names in wanted.items():
            listed(new, variable)
            new = rewrite(new, variable, names)
        if new != text:
            makefile.write_text(new, encoding="utf-8")
        return 0
    complaints = [
        line
        for variable, names in wanted.items()
        for line in differences(variable, listed(text, variable), names)
    ]
    for line in complaints:
        print(f"Makefile.am: {line}")
    print(f"{len(wanted)} lists, {len(complaints)} differences")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
