"""What the checks share: the files of the tree, and a main() that prints problems as compilers do."""

import pathlib
import re
import sys

FLOORS = ("base", "stun", "turn", "nat", "ice", "sdp", "sim", "io")
PURE_FLOORS = ("base", "stun", "turn", "nat", "ice", "sdp", "sim")  # bytes and time go in, bytes and events come out

# The order matters: a string literal may hold what looks like a comment, and the other way round.
_COMMENT_OR_LITERAL = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^()\\\s]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![\w])\'(?:\\.|[^\'\\\n])+\'',
    re.DOTALL)


def sources(root, *folders):
    """The C++ files in these folders of the tree, in a fixed order."""
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".hpp", ".cpp"):
                yield path


def floor_of(root, path):
    """The floor a file under include/ or src/ belongs to. The agent's headers lie directly in include/ice/."""
    parts = path.relative_to(root).parts
    if parts[0] == "src":
        return parts[1]
    return parts[2] if len(parts) > 3 else "ice"


def without_comments_and_literals(text):
    """The code alone. Lines keep their numbers, and an #include keeps its file."""
    def blank(match):
        line_start = text.rfind("\n", 0, match.start()) + 1
        if text[line_start:match.start()].lstrip().startswith("#include") and match.group().startswith('"'):
            return match.group()
        return re.sub(r"[^\n]", " ", match.group())
    return _COMMENT_OR_LITERAL.sub(blank, text)


def where(root, path, line):
    return f"{path.relative_to(root)}:{line}"


def run(check, *more):
    """check(root, …) gives the problems. The first argument of the program is the root of the tree."""
    root = pathlib.Path(sys.argv[1]).resolve()
    problems = list(check(root, *sys.argv[2:], *more))
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problems")
    return 1 if problems else 0
