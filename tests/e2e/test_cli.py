"""Every command that `--help` tells of: its help is whole, its exit codes are right, and completion and manual know it.

The table of commands is read from the help texts, so a new command is tested as soon as it is there.
"""

import re
import subprocess
from dataclasses import dataclass, field

import pytest

from harness import BINARY, PATIENCE, REPO, clean_environment, free_port, run

VALUES = {"FILE": "no-such-file", "URL": "http://127.0.0.1:9", "ADDR": "127.0.0.1:0"}


@dataclass
class Command:
    words: list
    text: str
    options: dict = field(default_factory=dict)  # "--config" -> (the option's words, its help)
    positionals: dict = field(default_factory=dict)
    commands: dict = field(default_factory=dict)

    @property
    def name(self):
        return " ".join(self.words)

    def least(self):
        """Arguments that satisfy the parser, though there is nothing behind them."""
        given = []
        for name, (words, _) in {**self.options, **self.positionals}.items():
            if "REQUIRED" in words:
                value = words.split()[1 + words.split()[0].startswith("-,")].removesuffix("...")
                given += [name] * name.startswith("-") + [VALUES.get(value, value.split("|")[0])]
        return given + BESIDE.get(self.name, [])


def read_help(words):
    code, out, err = run([*words, "--help"], ".")
    assert (code, err) == (0, ""), words
    command, where = Command(words, out), None
    places = {"Options:": command.options, "Positionals:": command.positionals,
              "Subcommands:": command.commands}
    for line in out.splitlines():
        if line in places:
            where, name = places[line], None
        elif not line.strip() or not line.startswith("  "):
            where = None
        elif where is not None and re.match(r"  \S", line):
            # A long option has its help on the next line.
            words_of, _, help_ = line[2:].partition("  ") if len(line) < 30 or line[29] != " " \
                else (line[2:29], "", line[29:])
            name = re.split(r"[ ,]", words_of.strip())
            name = [n for n in name if n.startswith("--")][:1] or name[:1]
            name = name[0]
            where[name] = (words_of.strip(), help_.strip())
        elif where is not None:
            where[name] = (where[name][0], (where[name][1] + " " + line.strip()).strip())
    return command


def walk(words=()):
    command = read_help(list(words))
    found = [command]
    for name in command.commands:
        found += walk((*words, name))
    return found


ALL = walk()
LEAVES = [c for c in ALL if not c.commands]
each = pytest.mark.parametrize("command", ALL, ids=lambda c: c.name or "hotside")
each_leaf = pytest.mark.parametrize("command", LEAVES, ids=lambda c: c.name)
# What waits for the service instead of failing, or does not need one to run for long.
PATIENT = {"deposits follow", "broadcast"}
# What a command needs beside what the parser asks for: one of several options.
BESIDE = {"bundle create": ["--pay", "stt1x=1"]}


def test_the_table_is_read():
    names = {c.name for c in ALL}
    assert {"serve", "demo", "simnode", "address add", "deposits follow", "config check", "violation clear",
            "completion", "manual"} <= names
    assert set(read_help(["simnode"]).options) == {
        "--help", "--listen", "--token-file", "--network", "--generation", "--scenario", "--seed",
        "--speed", "--control"}
    assert Command.least(read_help(["address", "add"])) == ["ADDRESS"]


@each
def test_help_is_whole(command):
    assert "Exit codes:" in command.text
    for kind in (command.options, command.positionals, command.commands):
        for name, (words, help_) in kind.items():
            assert len(help_) > 3 and "{" not in words, "%s %s: %r %r" % (command.name, name, words, help_)
    if "--url" in command.options:
        assert {"--config", "--api-token-file", "--json"} <= command.options.keys()


@each
def test_usage_errors_are_2_and_helpful(command, where):
    def refused(*args):
        code, out, err = run([*command.words, *args], where)
        assert (code, out) == (2, "") and err.strip(), (command.name, args, code, out, err)
        return err
    assert "--no-such-option" in refused("--no-such-option")
    if command.commands:
        name = next(iter(command.commands))
        assert 'did you mean "%s"?' % name in refused(name[:-1] + "xx"[len(name) > 4:])
        assert '"zzzzzzzzzz"' in refused("zzzzzzzzzz")
        assert "--help" in refused()
    elif command.least():
        refused()
    if "--url" in command.options:
        assert "--url" in refused(*command.least())
        assert "--url" in refused(*command.least(), "--url", "gopher://x")
        refused(*command.least(), "--url", "http://127.0.0.1:9", "--config", "x.toml")
        refused(*command.least(), "--config", "no-such-file.toml")
        refused(*command.least(), "--url", "http://127.0.0.1:9", "--api-token-file", "no-such-file")


@each_leaf
def test_failures_are_1(command, where):
    """Nobody answers at the address."""
    if "--url" not in command.options or command.name in PATIENT:
        return
    (where / "no-such-file").write_text("address,reference,label\nx,,\n")
    code, out, err = run([*command.words, *command.least(), "--url", "http://127.0.0.1:%d" % free_port()],
                         where)
    assert code == 1 and out == "" and err.startswith("hotside: "), (code, out, err)


def test_suggestions(where):
    def said(*words):
        return run(words, where)[2].splitlines()[0]
    assert said("adress", "list") == 'hotside: no command "adress"; did you mean "address"?'
    assert said("address", "lst") == 'hotside address: no command "lst"; did you mean "list"?'
    assert said("dep") == 'hotside: no command "dep"; did you mean "deposits"?'
    assert said("deposits", "list", "--limit", "adress", "--refrence=x") == (
        'hotside deposits list: no option "--refrence"; did you mean "--reference"?')
    assert said("xyzzyxyzzy") == 'hotside: no command "xyzzyxyzzy"'
    code, out, err = run(["--version"], where)
    assert (code, err) == (0, "") and re.fullmatch(r"hotside \d+\.\d+\.\d+\n", out)


# --- completion ---

def script(shell, where):
    code, out, err = run(["completion", shell], where)
    assert (code, err) == (0, "")
    file = where / ("completion." + shell)
    file.write_text(out)
    return file


def ask_shell(argv, text, where):
    done = subprocess.run([*argv, text], cwd=where, capture_output=True, text=True, timeout=PATIENCE,
                          env={**clean_environment(), "LC_ALL": "C.UTF-8"}, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def quoted(words):
    return " ".join("'%s'" % w for w in words)


@pytest.fixture(params=["bash", "zsh"])
def complete(request, where):
    """Gives what the shell would offer behind some words, for many lines at once."""
    file = script(request.param, where)

    def in_bash(lines):
        text = ". %s\n" % file
        for line in lines:
            text += "COMP_WORDS=(hotside %s)\nCOMP_CWORD=%d\n_hotside\necho \"${COMPREPLY[*]}\"\n" % (
                quoted(line), len(line))
        return ask_shell(["bash", "--norc", "-uc"], text, where)

    def in_zsh(lines):
        # The completion system's own functions, cut down to what they would offer.
        text = """compdef() { : }
        _files() { print -rn -- "$(print -l *)"$'\\n' | tr '\\n' ' ' }
        _message() { : }
        compadd() { shift; print -rn -- "$* " }
        _describe() { [[ $1 = -o ]] && shift; print -rn -- "${(@)${(P@)2}%%:*} " }
        . """ + str(file) + "\n"
        for line in lines:
            text += "words=(hotside %s)\nCURRENT=%d\nPREFIX=${words[CURRENT]}\n_hotside\nprint\n" % (
                quoted(line), len(line) + 1)
        return ask_shell(["zsh", "-fc"], text, where)

    def ask(lines):
        answers = {"bash": in_bash, "zsh": in_zsh}[request.param](lines).splitlines()
        assert len(answers) == len(lines), answers
        # zsh itself drops what does not begin with the word.
        return [{w for w in answer.split() if w.startswith(line[-1])} for line, answer in zip(lines, answers)]
    return ask


def test_completion_knows_all(complete):
    lines = [[*c.words, ""] for c in ALL if c.commands] + [[*c.words, "--"] for c in ALL]
    want = [set(c.commands) for c in ALL if c.commands] + [set(c.options) for c in ALL]
    for line, has, should in zip(lines, complete(lines), want):
        assert has == should, line


def test_completion_of_values(complete, where):
    (where / "tokens.toml").write_text("")
    lines = [["deposits", "list", "--state", ""], ["simnode", "--generation", "1"], ["completion", "z"],
             ["serve", "--config", "tok"], ["address", "import", "tok"], ["address", "add", "--reference", ""],
             ["deposits", "list", "--json", "--sp"], ["d"]]
    want = [{"prepared", "committed", "reverted"}, {"1.2.2", "1.3"}, {"zsh"}, {"tokens.toml"}, {"tokens.toml"},
            set(), {"--spend"}, {"demo", "deposits"}]
    for line, has, should in zip(lines, complete(lines), want):
        assert has == should, line


# --- manual ---

def test_manual_has_all(where):
    code, page, err = run(["manual"], where)
    assert (code, err) == (0, "")
    done = subprocess.run(["groff", "-k", "-man", "-Tutf8", "-ww", "-P-cbou", "-rLL=200n"], input=page,
                          capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stderr == ""
    text = done.stdout.replace("\u2010", "-").replace("\u2212", "-")
    for command in LEAVES:
        head = "\n   hotside %s\n" % command.name
        assert head in text, command.name
        part = text.partition(head)[2].partition("\n   hotside ")[0]
        for name, (_, help_) in command.options.items():
            assert re.search(r"(^|[ ,])%s\b" % re.escape(name), part, re.M), "%s %s" % (command.name, name)
            assert " ".join(help_.split()) in " ".join(part.split()), help_


def test_install(where):
    """What an administrator gets, under any prefix."""
    build = BINARY.parents[1]
    done = subprocess.run(["cmake", "--install", str(build), "--prefix", str(where / "p")], cwd=REPO,
                          capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    at = where / "p"
    assert run(["manual"], where)[1] == (at / "share/man/man1/hotside.1").read_text()
    assert run(["completion", "bash"], where)[1] == (
        at / "share/bash-completion/completions/hotside").read_text()
    assert (at / "share/zsh/site-functions/_hotside").read_text().startswith("#compdef hotside\n")
    assert "ExecStart=%s/bin/hotside serve " % at in (at / "lib/systemd/system/hotside.service").read_text()
    done = subprocess.run([str(at / "bin/hotside"), "--version"], capture_output=True, text=True, timeout=PATIENCE,
                          check=False)
    assert done.returncode == 0
