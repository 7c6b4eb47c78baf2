#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Prints questions for a reviewer: long functions, long files, sparse or dense
comments.  Exit status 0 whatever it finds.

  lint.py [TREE]
"""

import pathlib
import re
import subprocess
import sys

FUNCTION_LINES_MAX = 70
FILE_LINES_AIM = 400
FILE_LINES_MAX = 800
PARAMETERS_MAX = 6
COMMENT_SHARE = (0.06, 0.15)


def functions(paths):
    """Yields (lines, name, path, parameters) of every function."""
    command = ["ctags", "--languages=C", "--c-kinds=f", "--fields=+neS", "-f", "-"]
    output = subprocess.run(
        command + [str(path) for path in paths],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout
    for row in output.splitlines():
        columns = row.split("\t")
        fields = dict(c.split(":", 1) for c in columns[3:] if ":" in c)
        if "end" not in fields:
            continue
        lines = int(fields["end"]) - int(fields["line"]) + 1
        parameters = fields.get("signature", "()").count(",") + 1
        yield lines, columns[0], columns[1], parameters


def comment_share(path):
    text = path.read_text(encoding="utf-8")
    comments = re.findall(r"/\*.*?\*/", text, re.DOTALL)
    return sum(c.count("\n") + 1 for c in comments) / (text.count("\n") or 1)


def main():
    top = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    paths = sorted(
        path
        for folder in ("lib", "cli", "tests")
        for path in (top / folder).rglob("*.[ch]")
    )
    found = sorted(functions(p for p in paths if p.suffix == ".c"), reverse=True)

    for lines, name, path, parameters in found:
        if lines > FUNCTION_LINES_MAX:
            print(f"{path}: {name} has {lines} lines")
        if parameters > PARAMETERS_MAX:
            print(f"{path}: {name} has {parameters} parameters")
    for path in paths:
        count = path.read_text(encoding="utf-8").count("\n")
        if count > FILE_LINES_MAX:
            print(f"{path}: {count} lines; would two nouns be clearer?")
        elif count > FILE_LINES_AIM:
            print(f"{path}: {count} lines")
        share = comment_share(path)
        low, high = COMMENT_SHARE
        if path.suffix == ".c" and "tests" not in path.parts and count > 100:
            if not low <= share <= high:
                print(f"{path}: {share:.0%} of the lines are comments")

    sizes = sorted(lines for lines, *_ in found)
    if sizes:
        print(
            f"{len(paths)} files, {len(sizes)} functions: median"
            f" {sizes[len(sizes) // 2]} lines, 95th percentile"
            f" {sizes[len(sizes) * 95 // 100]}, longest {sizes[-1]}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
