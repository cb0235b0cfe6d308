#!/usr/bin/env python3
"""size.py ROOT: a file that passes 600 lines has two jobs. For the libraries and the programs."""

import sys

import tree

MOST_LINES = 600


def problems(root):
    for path in tree.sources(root, "include", "src", "examples"):
        lines = path.read_text().count("\n")
        if lines > MOST_LINES:
            yield f"{path.relative_to(root)}: {lines} lines, and at most {MOST_LINES}: which two jobs does it have?"


if __name__ == "__main__":
    sys.exit(tree.run(problems))
