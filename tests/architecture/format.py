#!/usr/bin/env python3
"""format.py ROOT CLANG_FORMAT: clang-format has nothing to change. Another version formats differently."""

import re
import subprocess
import sys

import tree


def problems(root, clang_format):
    files = [str(path) for path in tree.sources(root, "include", "src", "tests", "examples", "bench")]
    said = subprocess.run([clang_format, "--dry-run", *files], check=True, capture_output=True, text=True).stderr
    for path in sorted(set(re.findall(r"^(.+?):\d+:\d+: ", said, re.MULTILINE))):
        yield f"{path}: run {clang_format} -i on it"


if __name__ == "__main__":
    sys.exit(tree.run(problems))
