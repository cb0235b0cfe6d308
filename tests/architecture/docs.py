#!/usr/bin/env python3
"""docs.py ROOT: every file and test that the documentation names exists.

Reads the Markdown files of the root and of docs/. Of the words in `backticks`:
- one that begins with a folder of the project (`src/…`, `tests/…`) is a path, and may have * in it;
- `Suite.Name`, or `folder.Suite.Name` as ctest calls it, both parts capitalised, is a test.
Fenced blocks are left alone: they show output and code. What is not there yet is not written about."""

import re
import sys

import tree

FOLDERS = (".ci", "bench", "cmake", "docs", "examples", "include", "scripts", "src", "tests")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
WORD = re.compile(r"`([^`\s]+)`")
PATH = re.compile(rf"(?:{'|'.join(map(re.escape, FOLDERS))})/\S*\Z")
TEST = re.compile(r"(?:([a-z]+)\.)?([A-Z]\w*)\.([A-Z]\w*)\Z")
DEFINITION = re.compile(r"^(?:TYPED_)?TEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\)", re.MULTILINE)


def tests_in(root):
    """{(suite, name): folder} of every GoogleTest in tests/."""
    found = {}
    for path in tree.sources(root, "tests"):
        folder = path.relative_to(root / "tests").parts[0]
        for suite, name in DEFINITION.findall(path.read_text()):
            found[suite, name] = folder
    return found


def problems(root):
    tests = tests_in(root)
    for page in sorted([*root.glob("*.md"), *(root / "docs").rglob("*.md")]):
        text = FENCE.sub(lambda fence: re.sub(r"[^\n]", " ", fence.group()), page.read_text())
        for match in WORD.finditer(text):
            word = match.group(1)
            place = tree.where(root, page, text.count("\n", 0, match.start()) + 1)
            if PATH.match(word):
                if not any(True for _ in root.glob(word.rstrip("/"))):
                    yield f"{place}: {word}: no such file"
            elif test := TEST.match(word):
                folder, suite, name = test.groups()
                if (suite, name) not in tests or folder not in (None, tests[suite, name]):
                    yield f"{place}: {word}: no such test"


if __name__ == "__main__":
    sys.exit(tree.run(problems))
