#!/usr/bin/env python3
"""docs.py ROOT: every file, test and section that the documentation names exists, and its translations keep up.

Reads the Markdown files of the root and of docs/. Of the words in `backticks`:
- one that begins with a folder of the project (`src/…`, `tests/…`) is a path, and may have * in it;
- `Suite.Name`, or `folder.Suite.Name` as ctest calls it, both parts capitalised, is a test.
A [link](path#section) leads to a file, and to a heading in it. What is not there yet is not written about.

Fenced blocks show output and code and are left alone, but for two things: one that says where it is from, as in
```cpp from=examples/03_….cpp, has lines that are in that file, in this order; and PAGE.ko.md has the same fenced blocks
as PAGE.md, and headings of the same levels."""

import re
import sys

import tree

FOLDERS = (".ci", "bench", "cmake", "docs", "examples", "include", "scripts", "src", "tests")
FENCE = re.compile(r"^(```|~~~)(?P<info>[^\n]*)\n(?P<text>.*?)^\1", re.MULTILINE | re.DOTALL)
FROM = re.compile(r"\bfrom=(\S+)")
LINK = re.compile(r"\]\((?![a-z]+:)([^)\s#]*)(?:#([^)\s]*))?\)")
HEADING = re.compile(r"^(#+) +(.*)$", re.MULTILINE)
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


def prose(text):
    """The text without its fenced blocks. Lines keep their numbers."""
    return FENCE.sub(lambda fence: re.sub(r"[^\n]", " ", fence.group()), text)


def anchors(page):
    """What a link may name after #, made of the headings as GitHub makes it."""
    for _, heading in HEADING.findall(prose(page.read_text())):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def link_problem(page, path, anchor):
    target = (page.parent / path) if path else page
    if not target.exists():
        return "no such file"
    if anchor and anchor not in anchors(target):
        return "no such section"
    return None


def fence_problem(root, fence):
    source = FROM.search(fence["info"])
    if not source:
        return None
    path = root / source.group(1)
    if not path.is_file():
        return f"{source.group(1)}: no such file"
    lines = iter([line.strip() for line in path.read_text().splitlines()])
    for line in fence["text"].splitlines():
        if line.strip() and line.strip() not in lines:  # `in` takes what it passes, so the order counts
            return f"{source.group(1)} has no such line, or not there: {line.strip()}"
    return None


def translation_problem(page, original):
    def outline(path):
        text = path.read_text()
        return [fence.group() for fence in FENCE.finditer(text)], [level for level, _ in HEADING.findall(prose(text))]
    if not original.is_file():
        return f"translates {original.name}, which is not there"
    fences, levels = outline(page)
    original_fences, original_levels = outline(original)
    if levels != original_levels:
        return f"has not the headings of {original.name}"
    if fences != original_fences:
        return f"has not the fenced blocks of {original.name}"
    return None


def problems(root):
    tests = tests_in(root)
    for page in sorted([*root.glob("*.md"), *(root / "docs").rglob("*.md")]):
        whole = page.read_text()
        text = prose(whole)

        def place(start):
            return tree.where(root, page, whole.count("\n", 0, start) + 1)

        for match in WORD.finditer(text):
            word = match.group(1)
            if PATH.match(word):
                if not any(True for _ in root.glob(word.rstrip("/"))):
                    yield f"{place(match.start())}: {word}: no such file"
            elif test := TEST.match(word):
                folder, suite, name = test.groups()
                if (suite, name) not in tests or folder not in (None, tests[suite, name]):
                    yield f"{place(match.start())}: {word}: no such test"
        for match in LINK.finditer(text):
            if problem := link_problem(page, *match.groups()):
                yield f"{place(match.start())}: {match.group()[2:-1]}: {problem}"
        for fence in FENCE.finditer(whole):
            if problem := fence_problem(root, fence):
                yield f"{place(fence.start())}: {problem}"
        if page.name.endswith(".ko.md"):
            if problem := translation_problem(page, page.with_name(page.name.replace(".ko.md", ".md"))):
                yield f"{page.relative_to(root)}: {problem}"


if __name__ == "__main__":
    sys.exit(tree.run(problems))
