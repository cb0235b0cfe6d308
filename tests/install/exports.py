#!/usr/bin/env python3
"""exports.py INCLUDE LIBRARY…: a shared library exports what the public headers offer, and nothing else.

- Every name of ours is defined, declared as a function or as an object in the headers under INCLUDE. A class that they
  only announce (`struct Impl;`) is internal.
- Other names are weak ones that the compiler must merge between libraries: of the C++ library, and in icebreaker-asio
  of Boost.Asio, which shares its per-thread state and its service ids that way on purpose (its push_options.hpp)."""

import functools
import pathlib
import re
import subprocess
import sys

COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
WEAK = "WVu"
# Boost.System's categories and Boost's exceptions are visible for the same reason as Boost.Asio's state.
BOOST = r"boost::|boost_asio_"
SPECIAL = re.compile(r"(?:(?:construction )?vtable|VTT|typeinfo(?: name)?|guard variable) for ")


def without_brackets(name):
    """The name without template arguments, parameters, return type and qualifiers: `ice::sim::Host::bind`."""
    name = name.replace("(anonymous namespace)", "{anonymous}")
    name = name.replace("[abi:cxx11]", "")
    name = re.sub(r"operator [^(]*", "operator_T", name)  # a conversion
    name = re.sub(r"operator(?:<=>|<<|>>|<|>|->|\(\))", "operator", name)
    kept, depth = [], 0
    for letter in name:
        if letter in "<(":
            depth += 1
            kept.append("\0" if letter == "(" and depth == 1 else "")
        elif letter in ">)":
            depth -= 1
        elif depth == 0:
            kept.append(letter)
    return "".join(kept).split("\0")[0].split(" ")[-1]


class Headers:
    def __init__(self, folder):
        self.text = "\n".join(COMMENT.sub("", path.read_text()) for path in sorted(pathlib.Path(folder).rglob("*.hpp")))

    @functools.cache
    def defines_scope(self, name):
        return re.search(rf"\b(?:class|struct|union)\s+(?:ICE_API\s+)?{name}\b[^;{{()]*{{", self.text) or \
            re.search(rf"\bnamespace\s+(?:\w+::)*{name}\b", self.text)

    @functools.cache
    def declare(self, name):
        if name.startswith("operator"):
            return True  # of a scope that was found
        return self.defines_scope(name) or re.search(rf"(?<![\w.]){name}\s*(?:\(|=|;|{{)", self.text)

    def problem(self, name):
        scopes = without_brackets(SPECIAL.sub("", name)).split("::")
        last = scopes.pop().removeprefix("~")
        for scope in scopes:
            if not self.defines_scope(scope):
                return f"{scope} is not defined in the headers"
        if SPECIAL.match(name) and not self.defines_scope(last) or not self.declare(last):
            return f"{last} is not declared in the headers"
        return None


def exported(library):
    listing = subprocess.run(["nm", "--dynamic", "--demangle", "--defined-only", library], check=True,
                             capture_output=True, text=True).stdout
    for line in listing.splitlines():
        _, kind, name = line.split(" ", 2)
        yield kind, name


def foreign(kind, name, library):
    if kind not in WEAK:
        return "is no name of ours"
    bare = without_brackets(SPECIAL.sub("", name))
    allowed = r"std::|__gnu_cxx::"
    if library.name.startswith("libicebreaker-asio"):
        allowed += "|" + BOOST
    return None if re.match(allowed, bare) else "is neither ours nor of the C++ library"


def problems(headers, library):
    ours = 0
    for kind, name in exported(library):
        plain = SPECIAL.sub("", name)  # of a template it begins with the type that it returns
        if plain.startswith("std::hash<ice::") or without_brackets(plain).startswith("ice::"):
            ours += 1
            why = None if name.startswith("std::hash<ice::") else headers.problem(name)
        else:
            why = foreign(kind, name, library)
        if why:
            yield f"{library.name}: {name}: {why}"
    if ours == 0:
        yield f"{library.name}: exports nothing of ours"


def main():
    headers = Headers(sys.argv[1])
    found = [line for library in sys.argv[2:] for line in problems(headers, pathlib.Path(library).resolve())]
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
