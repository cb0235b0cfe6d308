#!/usr/bin/env python3
"""checks_test.py CXX: each check finds what it is for in a small bad tree, and nothing in a good one."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

import docs
import floors
import purity
import size
import tree

CXX = "c++"


class Tree:
    """A tree of files that lives for one test."""

    def __init__(self, files):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name).resolve()
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def __enter__(self):
        return self.root

    def __exit__(self, *_):
        self.folder.cleanup()


def found(check, files):
    with Tree(files) as root:
        return list(check(root))


class CheckCase(unittest.TestCase):
    def assert_clean(self, check, files):
        self.assertEqual(found(check, files), [])

    def assert_finds(self, check, files, *wanted):
        problems = found(check, files)
        self.assertEqual(len(problems), len(wanted), problems)
        for problem, words in zip(problems, wanted):
            self.assertIn(words, problem)


class CodeAlone(unittest.TestCase):
    def test_comments_and_literals_go_and_lines_stay(self):
        text = 'int a; // "x\n/* b\n */ int c = \'"\'; auto d = "// no"; int e = 1\'000;\nauto f = R"(a " b)";\n'
        code = tree.without_comments_and_literals(text)
        self.assertEqual(code.count("\n"), text.count("\n"))
        for word in ("x", "b", "no"):
            self.assertNotIn(word, code)
        for word in ("int a;", "int c", "int e = 1'000;", "auto f"):
            self.assertIn(word, code)


class Floors(CheckCase):
    GOOD = {
        "include/ice/base/time.hpp": "#pragma once\n#include <chrono>\n",
        "include/ice/base/format.hpp": "#include <fmt/format.h>\n",
        "include/ice/stun/message.hpp": '#include "ice/base/time.hpp"\n',
        "include/ice/agent.hpp": '#include "ice/stun/message.hpp"\n',
        "include/ice/ice.hpp": '#include "ice/agent.hpp"\n#include "ice/base/time.hpp"\n#include "ice/sdp/offer.hpp"\n'
                               '#include "ice/stun/message.hpp"\n',
        "include/ice/sdp/offer.hpp": '#include "ice/agent.hpp"\n',
        "include/ice/sim/network.hpp": '#include "ice/base/time.hpp"\n',
        "include/ice/io/driver.hpp": '#include <boost/asio/ip/udp.hpp>\n#include "ice/agent.hpp"\n',
        "src/base/crypto.hpp": "",
        "src/base/crypto.cpp": '#include "base/crypto.hpp"\n#include <openssl/sha.h>\n',
        "src/ice/agent.cpp": '#include "ice/agent.hpp"\n#include "ice/checklist.hpp"\n#include "base/crypto.hpp"\n',
        "src/ice/checklist.hpp": '// #include "sdp/offer.hpp" is what a comment may say\n',
        "src/io/tls.cpp": "#include <openssl/ssl.h>\n#include <boost/asio.hpp>\n",
    }

    def test_a_good_tree_is_clean(self):
        self.assert_clean(floors.problems, self.GOOD)

    def assert_finds_include(self, file, include, words):
        self.assert_finds(floors.problems, {**self.GOOD, file: f"\n#include {include}\n"},
                          f"{file}:2: includes {include[1:-1]}: {words}")

    def test_a_floor_does_not_include_what_is_above(self):
        self.assert_finds_include("src/base/random.cpp", '"ice/stun/message.hpp"', "base may include no other floor")
        self.assert_finds_include("src/stun/message.cpp", '"ice/agent.hpp"', "stun may include base")
        self.assert_finds_include("src/ice/gatherer.cpp", '"ice/sdp/offer.hpp"', "ice may include")
        self.assert_finds_include("src/ice/gatherer.cpp", '"ice/io/driver.hpp"', "ice may include")

    def test_a_floor_does_not_include_what_is_beside_it(self):
        self.assert_finds_include("src/sim/nat.cpp", '"ice/stun/message.hpp"', "sim may include base")
        self.assert_finds_include("src/ice/agent.cpp", '"ice/sim/network.hpp"', "ice may include")
        self.assert_finds_include("src/io/driver.cpp", '"ice/sim/network.hpp"', "io may include")
        self.assert_finds_include("src/nat/discovery.cpp", '"ice/agent.hpp"', "nat may include")

    def test_nobody_includes_the_umbrella(self):
        self.assert_finds_include("src/sdp/offer.cpp", '"ice/ice.hpp"', "sdp may include")

    def test_the_umbrella_has_all_of_core(self):
        self.assert_finds(floors.problems, {**self.GOOD, "include/ice/stun/uri.hpp": ""},
                          "include/ice/ice.hpp: does not include ice/stun/uri.hpp")

    def test_public_headers_include_public_headers_alone(self):
        self.assert_finds_include("include/ice/agent.hpp", '"ice/checklist.hpp"', "public headers include public")
        self.assert_finds_include("include/ice/stun/message.hpp", '"base/crypto.hpp"', "public headers include public")

    def test_public_headers_stay_light(self):
        for include in ("<openssl/sha.h>", "<boost/asio.hpp>", "<fmt/format.h>", "<ranges>"):
            problems = found(floors.problems, {"include/ice/io/tls.hpp": f"#include {include}\n"})
            self.assertEqual(len(problems), 1, include)

    def test_core_does_without_boost_and_openssl(self):
        self.assert_finds_include("src/sdp/offer.cpp", "<boost/json.hpp>", "core and sim do without Boost")
        self.assert_finds_include("src/stun/credential.cpp", "<openssl/md5.h>", "OpenSSL is used in src/base")

    def test_what_cannot_be_resolved_is_a_problem(self):
        self.assert_finds_include("src/ice/agent.cpp", '"gone.hpp"', "no such file")
        self.assert_finds(floors.problems, {"src/magic/a.cpp": ""}, "no such floor")


class PuritySources(CheckCase):
    def test_a_good_tree_is_clean(self):
        self.assert_clean(purity.problems, {
            "src/base/a.cpp": '// steady_clock::now()\nauto text = "std::mutex";\n'
                              "void f() { network.send(x); id.random(source); }\n",
            "src/base/crypto_random.cpp": "#include <sys/random.h>\nvoid f() { getrandom(p, n, 0); }\n",
            "src/io/a.cpp": "#include <thread>\n",
            "include/ice/io/a.hpp": "#include <sys/socket.h>\n",
        })

    def test_each_kind_is_found(self):
        for code, what in (
                ("auto now = std::chrono::steady_clock::now();", "a clock"),
                ("auto now = std::time(nullptr);", "a clock"),
                ("#include <ctime>", "a clock"),
                ("#include <sys/socket.h>", "sockets"),
                ("#include <netinet/in.h>", "sockets"),
                ("int s = ::socket(2, 2, 0);", "sockets"),
                ("#include <mutex>", "threads or locks"),
                ("std::lock_guard lock{mutex_};", "threads or locks"),
                ("thread_local int x;", "threads or locks"),
                ("std::jthread t;", "threads or locks"),
                ("#include <random>", "randomness"),
                ("int x = rand();", "randomness"),
                ("long x = random();", "randomness"),
                ("std::random_device d;", "randomness"),
                ("getrandom(p, n, 0);", "randomness"),
                ("auto home = getenv(name);", "the environment")):
            for file in ("src/ice/a.cpp", "include/ice/stun/a.hpp", "include/ice/a.hpp", "src/sim/a.cpp"):
                problems = found(purity.problems, {file: f"\n{code}\n"})
                self.assertEqual(len(problems), 1, (code, problems))
                self.assertIn(what, problems[0])
                self.assertIn(f"{file}:2:", problems[0])


class PuritySymbols(unittest.TestCase):
    def problems_of(self, **objects):
        with Tree({f"{name}.cpp": text for name, text in objects.items()}) as root:
            members = []
            for name in objects:
                members.append(str(root / f"{name}.cpp.o"))
                subprocess.run([CXX, "-std=c++20", "-c", str(root / f"{name}.cpp"), "-o", members[-1]], check=True)
            archive = str(root / "lib.a")
            subprocess.run(["ar", "rc", archive, *members], check=True)
            return list(purity.symbol_problems(archive))

    def test_what_core_may_want_is_clean(self):
        self.assertEqual(self.problems_of(a="""
            #include <memory>
            #include <string>
            std::shared_ptr<std::string> f(char c) { return std::make_shared<std::string>(1, c); }"""), [])

    def test_each_kind_is_found(self):
        problems = self.problems_of(other="""
            #include <pthread.h>
            #include <stdlib.h>
            #include <sys/random.h>
            #include <sys/socket.h>
            #include <time.h>
            #include <chrono>
            #include <random>
            #include <thread>
            void clocks(timespec* t) { clock_gettime(0, t); }
            auto clock_of_cpp() { return std::chrono::steady_clock::now(); }
            auto sockets(int s) { return socket(1, 2, 3) + sendto(s, 0, 0, 0, 0, 0); }
            void locks(pthread_mutex_t* m) { pthread_mutex_lock(m); }
            void threads() { std::thread{[] {}}.detach(); }
            unsigned device() { return std::random_device{}(); }
            auto randomness(void* p) { return rand() + getrandom(p, 1, 0); }""")
        for symbol in ("clock_gettime", "_ZNSt6chrono3_V212steady_clock3now", "socket", "sendto", "pthread_mutex_lock",
                       "_ZNSt6thread", "_ZNSt13random_device", "rand", "getrandom"):
            self.assertTrue(any(f"lib.a(other.cpp.o): wants {symbol}" in problem for problem in problems), symbol)

    def test_only_crypto_random_asks_the_system(self):
        code = "#include <sys/random.h>\nauto f(void* p) { return getrandom(p, 1, 0); }"
        self.assertEqual(self.problems_of(crypto_random=code), [])

    def test_an_empty_archive_is_a_problem(self):
        self.assertEqual(len(self.problems_of(a="int x;")), 1)


class Docs(CheckCase):
    GOOD = {
        "src/stun/message.cpp": "",
        "tests/unit/stun_test.cpp": "TEST(Message, SaysSo) {}\nTEST_F(Fixture, SaysSoToo) {}\n",
        "docs/rfc-notes/8489.md": "`src/stun/message.cpp`, `src/stun/`, `src/*/message.cpp`, `Message.SaysSo`,\n"
                                  "`unit.Fixture.SaysSoToo`, `ice::Agent`, `icebreaker.pc`, `std::string`\n"
                                  "```\nsrc/gone.cpp `Gone.Gone`\n```\n",
    }

    def test_a_good_tree_is_clean(self):
        self.assert_clean(docs.problems, self.GOOD)

    def test_what_is_gone_is_found(self):
        for word, what in (("src/stun/gone.cpp", "file"), ("tests/lab/", "file"), ("src/*/gone.cpp", "file"),
                           ("Message.SaysNo", "test"), ("Gone.SaysSo", "test"), ("io.Message.SaysSo", "test")):
            for page in ("docs/rfc-notes/8445.md", "docs/architecture.md", "README.md"):
                self.assert_finds(docs.problems, {**self.GOOD, page: f"one\ntwo `{word}`.\n"},
                                  f"{page}:2: {word}: no such {what}")


    def test_links_lead_somewhere(self):
        page = {"docs/page.md": "# Why so?\n[here](#why-so), [code](../src/stun/message.cpp), [out](https://a.example/x)\n"
                                "[home](../README.md#the-two-commands)\n", "README.md": "## The two `commands`\n"}
        self.assert_clean(docs.problems, {**self.GOOD, **page})
        for link, what in (("gone.md", "file"), ("../README.md#gone", "section"), ("#the-two-commands", "section")):
            self.assert_finds(docs.problems, {**self.GOOD, **page, "docs/a.md": f"\n[so]({link})\n"},
                              f"docs/a.md:2: {link}: no such {what}")

    def test_code_is_where_it_says_it_is_from(self):
        tree_of = lambda code: {**self.GOOD, "examples/a.cpp": "int main() {\n  one();\n  two();\n}\n",
                                "README.md": f"```cpp from=examples/a.cpp\n{code}```\n"}
        self.assert_clean(docs.problems, tree_of("one();\n\ntwo();\n"))
        for code in ("two();\none();\n", "three();\n"):
            self.assert_finds(docs.problems, tree_of(code), "README.md:1: examples/a.cpp has no such line")

    def test_translations_keep_up(self):
        pages = {**self.GOOD, "README.md": "# Title\n```\nrun\n```\n## More\n"}
        self.assert_clean(docs.problems, {**pages, "README.ko.md": "# 제목\n```\nrun\n```\n## 더\n"})
        for page, what in (("# 제목\n```\nrun\n```\n", "headings"), ("# 제목\n## 더\n", "fenced blocks")):
            self.assert_finds(docs.problems, {**pages, "README.ko.md": page}, f"README.ko.md: has not the {what}")


class Size(CheckCase):
    def test_six_hundred_lines_are_enough(self):
        self.assert_clean(size.problems, {"src/a/a.cpp": "\n" * 600, "tests/unit/a_test.cpp": "\n" * 700})
        for file in ("src/a/a.cpp", "include/ice/a.hpp", "examples/mesh_demo/main.cpp"):
            self.assert_finds(size.problems, {file: "\n" * 601}, f"{file}: 601 lines")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        CXX = sys.argv.pop(1)
    unittest.main()
