#!/usr/bin/env python3
"""floors.py ROOT: every #include obeys the order of the floors, and public headers stay light.

A floor may include what is below it, never what is above, nor beside it unless said here."""

import re
import sys

import tree

BELOW = {
    "base": (),
    "stun": ("base",),
    "turn": ("base", "stun"),
    "nat": ("base", "stun"),
    "ice": ("base", "stun", "turn", "nat"),
    "sdp": ("base", "stun", "turn", "nat", "ice"),
    "sim": ("base",),  # moves bytes for any machine and knows no protocol, so it cannot cheat
    "io": ("base", "stun", "turn", "nat", "ice", "sdp"),
}
UMBRELLA = "include/ice/ice.hpp"  # all of core: it stands on top
UMBRELLA_FLOORS = ("base", "stun", "turn", "nat", "ice", "sdp")

FORMAT_HEADER = "include/ice/base/format.hpp"  # the one opt-in header with fmt
OPENSSL_USERS = ("src/base/aead.cpp", "src/base/crypto.cpp")  # below the io floor

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def resolve(root, path, name):
    """The file of this project that a quoted include means, or None."""
    for base in (path.parent, root / "include", root / "src"):
        if (base / name).is_file():
            return (base / name).resolve()
    return None


def external_problem(root, path, name):
    """Why this file may not include that header of somebody else's, or None."""
    relative = str(path.relative_to(root))
    public = relative.startswith("include/")
    if name.startswith("openssl/"):
        if public:
            return "public headers include no OpenSSL"
        if tree.floor_of(root, path) != "io" and relative not in OPENSSL_USERS:
            return "OpenSSL is used in src/base/crypto.cpp and aead.cpp alone"
    if name.startswith("boost/") and tree.floor_of(root, path) != "io":
        return "core and sim do without Boost"
    if public and name == "boost/asio.hpp":
        return "public headers include the narrow headers of Asio, not 5 s of everything"
    if name.startswith("fmt/") and relative != FORMAT_HEADER:
        return f"fmt is included by {FORMAT_HEADER} alone"
    if public and name == "ranges":
        return "clang 14 rejects the views of libstdc++ 12"
    return None


def internal_problem(root, path, target):
    """Why this file may not include that file of ours, or None."""
    relative = str(path.relative_to(root))
    target_relative = target.relative_to(root)
    if target_relative.parts[0] not in ("include", "src"):
        return "the libraries include nothing outside include/ and src/"
    if relative.startswith("include/") and target_relative.parts[0] != "include":
        return "public headers include public headers alone"
    floor, target_floor = tree.floor_of(root, path), tree.floor_of(root, target)
    allowed = UMBRELLA_FLOORS if relative == UMBRELLA else (floor, *BELOW.get(floor, ()))
    if str(target_relative) == UMBRELLA or target_floor not in allowed:
        return f"{floor} may include " + (" ".join(BELOW.get(floor, ())) or "no other floor")
    return None


def umbrella_problems(root):
    """The umbrella has every public header of core, so that whoever includes it needs no second look."""
    umbrella = root / UMBRELLA
    if not umbrella.is_file():
        return
    included = {name for _, name in INCLUDE.findall(umbrella.read_text())}
    for path in tree.sources(root, "include"):
        name = str(path.relative_to(root / "include"))
        if tree.floor_of(root, path) in UMBRELLA_FLOORS and str(path.relative_to(root)) not in (UMBRELLA, FORMAT_HEADER) \
                and name not in included:
            yield f"{UMBRELLA}: does not include {name}"


def problems(root):
    yield from umbrella_problems(root)
    for path in tree.sources(root, "include", "src"):
        if tree.floor_of(root, path) not in BELOW:
            yield f"{path.relative_to(root)}: no such floor"
            continue
        text = tree.without_comments_and_literals(path.read_text())
        for match in INCLUDE.finditer(text):
            quote, name = match.groups()
            line = text.count("\n", 0, match.start(1)) + 1
            if quote == "<":
                problem = external_problem(root, path, name)
            else:
                target = resolve(root, path, name)
                problem = internal_problem(root, path, target) if target else "no such file in this project"
            if problem:
                yield f"{tree.where(root, path, line)}: includes {name}: {problem}"


if __name__ == "__main__":
    sys.exit(tree.run(problems))
