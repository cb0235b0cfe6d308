#!/usr/bin/env python3
"""purity.py ROOT [ARCHIVE…]: core and sim know no clock, socket, thread, lock or global randomness.

Reads the sources of floors 0 to 4 and of sim, and the undefined symbols of the archives that were built from them.
One file may ask the system, for random bytes: src/base/crypto_random.cpp."""

import pathlib
import re
import subprocess
import sys

import tree

EXEMPT = "src/base/crypto_random.cpp"

HEADERS = {
    "a clock": r"ctime|time\.h|sys/time\.h",
    "sockets or the system": r"sys/\w+\.h|unistd\.h|netdb\.h|net/\w+\.h|netinet/\w+\.h|arpa/inet\.h|fcntl\.h|poll\.h|"
                             r"ifaddrs\.h|fstream|filesystem|cstdio|stdio\.h|iostream|csignal|signal\.h",
    "threads or locks": r"thread|mutex|shared_mutex|condition_variable|future|semaphore|latch|barrier|stop_token|"
                        r"pthread\.h|semaphore\.h|syncstream",
    "randomness of its own": r"random|openssl/rand\.h",
}
WORDS = {
    "a clock": r"steady_clock|system_clock|high_resolution_clock|utc_clock|file_clock|clock_gettime|gettimeofday|"
               r"(?<![\w.>:])(?:std::|::)?(?:time|clock)\s*\(\s*(?:NULL|nullptr|0|&\w+)\s*\)",
    "sockets": r"(?<![\w.>])(?:::\s*)(?:socket|bind|connect|listen|accept4?|send|sendto|sendmsg|sendmmsg|recv|recvfrom|"
               r"recvmsg|recvmmsg|select|poll|epoll_\w+|getaddrinfo|getifaddrs|ioctl|read|write|open|close)\s*\(",
    "the environment": r"\b(?:getenv|secure_getenv|getpid|fork|system)\s*\(",
    "threads or locks": r"std::(?:thread|jthread|async|promise|future|mutex|recursive_mutex|shared_mutex|timed_mutex|"
                        r"lock_guard|unique_lock|shared_lock|scoped_lock|condition_variable\w*|call_once|latch|barrier|"
                        r"counting_semaphore|binary_semaphore|this_thread)\b|\bpthread_\w+|\b(?:nano|u)?sleep\s*\(|"
                        r"\bthread_local\b",
    "randomness of its own": r"random_device|mt19937\w*|minstd_rand\w*|default_random_engine|\bs?rand\s*\(|"
                             r"(?<![\w.>:])(?:std::|::)?random\s*\(\s*\)|"
                             r"\b(?:[dlm]rand48|getrandom|getentropy|arc4random\w*|RAND_\w+)\s*\(",
}
SYMBOLS = re.compile(
    r"(?:clock_gettime|clock_nanosleep|gettimeofday|time|clock|timespec_get|nanosleep|usleep|sleep|"
    r"socket|socketpair|bind|connect|listen|accept4?|send|sendto|sendmsg|sendmmsg|recv|recvfrom|recvmsg|recvmmsg|"
    r"select|pselect|p?poll|epoll_\w+|getaddrinfo|gethostby\w+|getifaddrs|if_nametoindex|ioctl|fcntl|"
    r"open|open64|fopen|fopen64|read|write|close|pipe2?|fork|vfork|execv\w*|system|getpid|getenv|secure_getenv|"
    r"mmap|mmap64|pthread_\w+|thrd_\w+|mtx_\w+|cnd_\w+|sem_\w+|syscall|"
    r"s?rand|rand_r|s?random|[delmnj]rand48|getrandom|getentropy|arc4random\w*|RAND_\w+|"
    r"_ZNSt6chrono.*3now.*|_ZNSt13random_device.*|_ZNK?St(?:6thread|6jthread|18condition_variable).*|"
    r"_ZN?St\w*(?:mutex|lock)\w*.*|_ZNSt13basic_[io]?f?stream.*open.*)(?:@.*)?\Z")


def source_problems(root):
    folders = [f"src/{floor}" for floor in tree.PURE_FLOORS] + ["include"]
    for path in tree.sources(root, *folders):
        if tree.floor_of(root, path) == "io" or str(path.relative_to(root)) == EXEMPT:
            continue
        text = tree.without_comments_and_literals(path.read_text())
        for what, headers in HEADERS.items():
            for match in re.finditer(rf"^\s*#\s*include\s*<(?:{headers})>", text, re.MULTILINE):
                line = text.count("\n", 0, match.end()) + 1
                yield f"{tree.where(root, path, line)}: {match.group().strip()}: {what}"
        for what, words in WORDS.items():
            for match in re.finditer(words, text):
                line = text.count("\n", 0, match.start()) + 1
                yield f"{tree.where(root, path, line)}: {match.group().strip()}: {what}"


def undefined_symbols(archive):
    """(object file, symbol) for everything that the objects of an archive want from elsewhere."""
    listing = subprocess.run(["nm", "--undefined-only", "--format=posix", archive], check=True, capture_output=True,
                             text=True).stdout
    member = "?"
    for line in listing.splitlines():
        if line.endswith(":"):
            member = re.sub(r".*\[(.*)\]:", r"\1", line)
        elif line:
            yield member, line.split()[0]


def symbol_problems(archive):
    seen = 0
    for member, symbol in undefined_symbols(archive):
        seen += 1
        if member != pathlib.Path(EXEMPT).name + ".o" and SYMBOLS.match(symbol):
            yield f"{pathlib.Path(archive).name}({member}): wants {symbol}"
    if seen == 0:
        yield f"{archive}: no undefined symbols at all, so this is not the library"


def problems(root, *archives):
    yield from source_problems(root)
    for archive in archives:
        yield from symbol_problems(archive)


if __name__ == "__main__":
    sys.exit(tree.run(problems))
