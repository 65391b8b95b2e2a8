"""House rules that a compiler does not check. Usage: lint.py CHECK; prints findings, exits 1 if any.

Each check is a function from (path, text) pairs to findings, so that `selftest` can show each of
them something bad and see it complain.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = ("proto", "chainclient", "explorer", "store", "tests")
CPP = (".cpp", ".hpp")
LINES_MAX = 600

# Which library a folder belongs to (docs/architecture.md); the longest prefix wins.
LIBRARY = {
    "proto/base": "hs_base", "proto/model": "hs_base", "proto/wire": "hs_wire",
    "proto/schema": "hs_wire", "chainclient/chain": "hs_chain", "chainclient/node": "hs_node",
    "chainclient/simnode": "hs_simnode", "explorer/ledger": "hs_ledger", "store": "hs_store",
    "explorer/ingest": "hs_ingest", "explorer/api": "hs_api", "explorer/dashboard": "hs_api",
    "explorer/webhook": "hs_webhook", "explorer/cold": "hs_cold", "explorer/relay": "hs_relay", "explorer/app": "hs_app",
    "explorer/main.cpp": "hs_app",
}


def tree(suffixes, folders=CODE):
    """(path, text) of our files, in order; `path` is relative to the project."""
    for folder in folders:
        for where, folders_here, files in sorted(os.walk(ROOT / folder)):
            folders_here[:] = [f for f in folders_here if f not in ("__pycache__", "vectors", "corpus")]
            for file in sorted(files):
                if file.endswith(suffixes):
                    path = Path(where) / file
                    yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def library_of(path):
    prefixes = [p for p in LIBRARY if path == p or path.startswith(p + "/")]
    return LIBRARY[max(prefixes, key=len)] if prefixes else None


def layers(files, table):
    """An #include is a link: it must be an arrow of cmake/layers.cmake."""
    allowed = {name: set(deps.split()) | {name}
               for name, deps in re.findall(r"set\(HS_LAYERS_(\w+)([^)]*)\)", table)}
    for path, text in files:
        library = library_of(path)
        if path.startswith("tests/"):
            continue
        if library is None:
            yield "%s: the folder belongs to no library" % path
            continue
        for line, included in includes(text, '"', '"'):
            target = library_of(included)
            if included.endswith(".pb.h"):
                target = "hs_wire"
            if target is None:
                yield "%s:%d: \"%s\" is not written from the project root" % (path, line, included)
            elif target not in allowed[library]:
                yield "%s:%d: %s -> %s is not an edge of cmake/layers.cmake" % (
                    path, line, library, target)


def includes(text, opening='[<"]', closing='[>"]'):
    for number, line in enumerate(text.splitlines(), 1):
        found = re.match(r"\s*#\s*include\s*%s([^>\"]+)%s" % (opening, closing), line)
        if found:
            yield number, found.group(1)


def headers(files):
    """SQLite, protobuf, Crypto++ and websocketpp stay inside .cpp files."""
    private = re.compile(r"sqlite3|google/protobuf|\.pb\.h|crypto\+\+|cryptopp|websocketpp")
    for path, text in files:
        if path.endswith(".hpp"):
            for line, included in includes(text):
                if private.search(included):
                    yield "%s:%d: <%s> in a header" % (path, line, included)


def targets(sources, lists):
    """A source that no CMakeLists.txt names is never built, and a test in it never run."""
    named = set()
    for path, text in lists:
        for source in re.findall(r"[\w./-]+\.cpp", re.sub(r"#.*", "", text)):
            named.add(os.path.normpath(os.path.join(os.path.dirname(path), source)))
    for path, _ in sources:
        if path not in named:
            yield "%s: is in no target" % path


def blank_texts(text):
    """Comments and literals become blanks, so that what is left is code; lines stay."""
    pattern = r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\''
    return re.sub(pattern, lambda m: re.sub(r"[^\n]", " ", m.group(0)), text, flags=re.S)


def await_expression(code, start):
    """From `co_await` to the end of its full expression."""
    depth = 0
    for i in range(start, len(code)):
        if code[i] in "([{":
            depth += 1
        elif code[i] in ")]}":
            depth -= 1
            if depth < 0:
                return code[start:i]
        elif code[i] == ";" and depth == 0:
            return code[start:i]
    return code[start:]


def awaits(files):
    """g++ 12 destroys capturing lambdas and brace-initialised aggregates twice when they are
    temporaries inside a co_await expression: name the value, then await."""
    lambda_ = re.compile(r"(?<![\w\])])\[\s*[^\]\s][^\]]*\]\s*(?:\(|\{|mutable)")
    braces = re.compile(r"[\w>(,]\s*\{")
    for path, text in files:
        code = blank_texts(text)
        for found in re.finditer(r"\bco_await\b", code):
            expression = await_expression(code, found.end())
            line = code.count("\n", 0, found.start()) + 1
            if lambda_.search(expression):
                yield "%s:%d: a capturing lambda inside a co_await expression" % (path, line)
            elif braces.search(expression):
                yield "%s:%d: a brace-initialised temporary inside a co_await expression" % (path, line)


def length(files):
    for path, text in files:
        lines = text.count("\n")
        if lines > LINES_MAX:
            yield "%s: %d lines; one idea each, at most %d" % (path, lines, LINES_MAX)


def machine_paths(files):
    """What only one machine has: paths of where somebody works."""
    pattern = re.compile(r"(?<![\w.}\"'/-])/(?:wo" r"rk|fa" r"rm|ro" r"ot|ho" r"me/\w+|tmp/w" r"t)/")
    for path, text in files:
        for number, line in enumerate(text.splitlines(), 1):
            if pattern.search(line):
                yield "%s:%d: a path of one machine" % (path, number)


def layout():
    files = [path for path, _ in tree(CPP)]
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", *files], cwd=ROOT, check=False,
                          capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        yield from re.findall(r"^(\S+:\d+):\d+: error", done.stderr, flags=re.M) or [done.stderr]


BAD = {  # each must be found
    "layers": lambda: layers([("store/a.cpp", '#include "explorer/api/b.hpp"\n')],
                             "set(HS_LAYERS_hs_store hs_base)"),
    "root": lambda: layers([("store/a.cpp", '#include "b.hpp"\n')], "set(HS_LAYERS_hs_store hs_base)"),
    "headers": lambda: headers([("store/a.hpp", "#include <sqlite3.h>\n")]),
    "targets": lambda: targets([("store/a.cpp", "")], [("store/CMakeLists.txt", "# a.cpp\nba.cpp")]),
    "lambda": lambda: awaits([("a.cpp", "auto r = co_await run([x]\n  (int) { return x; });")]),
    "braces": lambda: awaits([("a.cpp", "co_await send(Frame{1, 2});")]),
    "nested": lambda: awaits([("a.cpp", "f(co_await send({1, 2}), 3);")]),
    "length": lambda: length([("a.cpp", "\n" * 601)]),
    "paths": lambda: machine_paths([("a.md", "see /wo" "rk/x")]),
}
GOOD = {  # none may be found
    "layers": lambda: layers([("store/a.cpp", '#include "proto/base/b.hpp"\n')],
                             "set(HS_LAYERS_hs_store hs_base)"),
    "headers": lambda: headers([("store/a.cpp", "#include <sqlite3.h>\n")]),
    "targets": lambda: targets([("tests/a/b.cpp", "")], [("tests/a/CMakeLists.txt", "X SOURCES b.cpp)")]),
    "await": lambda: awaits([("a.cpp", "if (co_await x[i]) { y = {}; }\nco_await go(f, \"{a{\"); z = T{1};"
                                       "\nco_await wait([](int) {});")]),
    "paths": lambda: machine_paths([("a.md", "a/work/x and tests/root/y")]),
}


def selftest():
    for name, check in BAD.items():
        if not list(check()):
            yield "selftest: %s finds nothing" % name
    for name, check in GOOD.items():
        yield from ("selftest: %s: %s" % (name, finding) for finding in check())


TEXT = CPP + (".py", ".md", ".txt", ".cmake", ".json", ".toml", ".sql", ".js", ".css", ".html", ".proto")
EVERYWHERE = CODE + ("docs", "deploy", "cmake", "examples")
CHECKS = {
    "selftest": selftest,
    "layers": lambda: layers(tree(CPP), (ROOT / "cmake/layers.cmake").read_text()),
    "headers": lambda: headers(tree(CPP)),
    "targets": lambda: targets(tree((".cpp",)), tree(("CMakeLists.txt",))),
    "awaits": lambda: awaits(tree(CPP)),
    "length": lambda: length(tree(CPP + (".py", ".js", ".css", ".html", ".sql"), EVERYWHERE)),
    "machine_paths": lambda: machine_paths(tree(TEXT, EVERYWHERE)),
    "layout": layout,
}


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in CHECKS:
        sys.exit("usage: lint.py " + "|".join(CHECKS))
    findings = list(CHECKS[sys.argv[1]]())
    print("\n".join(findings))
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
