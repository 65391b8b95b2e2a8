// hotside-sim: runs histories, and tells of the first that shows what none may show.

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

#include "proto/base/units.hpp"
#include "tests/sim/simulation.hpp"

namespace hotside::sim {
namespace {

constexpr char kUsage[] =
    "usage: hotside-sim --seeds N [--from S] [--threads K] [--quiet] [--no-shrink]\n"
    "           runs histories S … S+N-1, K at once, each K in a process of its own\n"
    "       hotside-sim --seed N [--no-shrink]\n"
    "           runs one; when it fails, shrinks it to a short script\n"
    "       hotside-sim --script FILE\n"
    "           runs a script (- for standard input)\n";
constexpr int kSilence = 300;  // seconds: a history that takes longer hangs

struct Options {
  std::uint64_t seeds = 0, from = 1, threads = 1;
  std::optional<std::uint64_t> seed;
  std::string script;
  bool quiet = false, shrinks = true;
};

// Empty: nothing is wrong.
std::string run(Script const& script, Ground& ground, Coverage& coverage) {
  try {
    Simulation(script, ground, coverage).run();
    return {};
  } catch (std::exception const& broken) {
    return broken.what();
  }
}

// In a process of its own, since what fails may abort or never end.
std::string run_apart(Script const& script) {
  int ends[2];
  if (::pipe(ends) != 0) return "no pipe";
  auto const child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    ::dup2(ends[1], 2);  // an invariant's last words
    ::alarm(kSilence);
    Coverage coverage;
    Ground ground;
    auto const what = run(script, ground, coverage);
    auto const written = ::write(ends[1], what.data(), what.size());
    ::_exit(what.empty() && written == 0 ? 0 : 1);
  }
  ::close(ends[1]);
  std::string what;
  char part[4096];
  for (ssize_t n = 0; (n = ::read(ends[0], part, sizeof part)) > 0;)
    what.append(part, static_cast<std::size_t>(n));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status))
    what += WTERMSIG(status) == SIGALRM ? "it does not end"
                                        : std::string("ended by ") + ::strsignal(WTERMSIG(status));
  return what;
}

// Drops ever smaller stretches of the script while it still fails in the same way.
Script shrink(Script script, std::string const& what) {
  auto const kind = what.substr(0, 24);
  int tries = 0;
  for (auto size = std::max<std::size_t>(script.actions.size() / 2, 1);; size /= 2) {
    bool dropped = true;
    while (std::exchange(dropped, false)) {
      for (std::size_t at = 0; at < script.actions.size() && tries < 3000;) {
        auto shorter = script;
        auto const begin = shorter.actions.begin() + static_cast<std::ptrdiff_t>(at);
        auto const left = std::min(size, shorter.actions.size() - at);
        shorter.actions.erase(begin, begin + static_cast<std::ptrdiff_t>(left));
        ++tries;
        if (!run_apart(shorter).starts_with(kind)) {
          at += size;
        } else {
          script = std::move(shorter);
          dropped = true;
        }
      }
    }
    if (size <= 1) return script;
  }
}

void print(Coverage const& coverage) {
  std::size_t width = 0;
  for (auto const& [what, count] : coverage) width = std::max(width, what.size());
  for (auto const& [what, count] : coverage)
    std::cout << "  " << what << std::string(width + 2 - what.size(), ' ') << count << "\n";
}

int one_script(Script const& script, std::string const& again, bool shrinks) {
  auto const what = run_apart(script);
  if (what.empty()) {
    std::cout << "nothing is wrong\n";
    return 0;
  }
  std::cout << "FAILED: " << what << "\nreplay with: " << again << std::endl;
  if (!shrinks) return 1;
  auto const shorter = shrink(script, what);
  std::cout << "shrunk to " << shorter.actions.size() << " of " << script.actions.size()
            << " actions (hotside-sim --script FILE):\n"
            << shorter.text() << "which shows: " << run_apart(shorter) << "\n";
  return 1;
}

int one_seed(std::uint64_t seed, bool shrinks) {
  return one_script(Script::from_seed(seed), "hotside-sim --seed " + std::to_string(seed), shrinks);
}

// ---- many seeds

// A worker says "+" for each history, and at its end what it has seen.
[[noreturn]] void worker(Options const& options, std::uint64_t number, int out) {
  Coverage coverage;
  {
    Ground ground;
    for (auto at = number; at < options.seeds; at += options.threads) {
      auto const script = Script::from_seed(options.from + at);
      if (!run(script, ground, coverage).empty()) ::_exit(1);
      if (::write(out, "+", 1) != 1) ::_exit(2);
    }
  }
  std::ostringstream text;
  for (auto const& [what, count] : coverage) text << count << " " << what << "\n";
  auto const all = text.str();
  for (std::size_t at = 0; at < all.size();) {
    auto const n = ::write(out, all.data() + at, all.size() - at);
    if (n <= 0) ::_exit(2);
    at += static_cast<std::size_t>(n);
  }
  ::_exit(0);
}

struct Worker {
  pid_t pid = 0;
  int in = -1;
  std::uint64_t done = 0, number = 0;
  std::string text;
};

void read_from(Worker& each) {
  char part[4096];
  auto const n = ::read(each.in, part, sizeof part);
  if (n > 0) {
    std::string_view const some(part, static_cast<std::size_t>(n));
    auto const ticks = some.find_first_not_of('+');
    each.done += std::min(ticks, some.size());
    if (ticks != std::string_view::npos) each.text += some.substr(ticks);
    return;
  }
  ::close(each.in);
  each.in = -1;
}

int many_seeds(Options const& options) {
  std::vector<Worker> workers(options.threads);
  for (std::uint64_t number = 0; number < options.threads; ++number) {
    int ends[2];
    if (::pipe(ends) != 0) return 2;
    auto const pid = ::fork();
    if (pid == 0) worker(options, number, ends[1]);
    ::close(ends[1]);
    workers[number] = {pid, ends[0], 0, number, {}};
  }
  auto const begun = std::chrono::steady_clock::now();
  auto shown = begun;
  auto const seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  };
  std::optional<std::uint64_t> failed;
  while (!failed) {
    std::vector<pollfd> wait;
    std::vector<Worker*> who;
    for (auto& each : workers)
      if (each.in >= 0) wait.push_back({each.in, POLLIN, 0}), who.push_back(&each);
    if (wait.empty()) break;
    bool const silent = ::poll(wait.data(), wait.size(), kSilence * 1000) == 0;
    for (std::size_t at = 0; at < who.size(); ++at) {
      auto& each = *who[at];
      if (wait[at].revents != 0) read_from(each);
      int status = 0;
      bool const ended = each.in < 0 && ::waitpid(each.pid, &status, 0) == each.pid;
      if ((ended && status != 0) || silent)
        failed = options.from + each.number + each.done * options.threads;
      if (failed) break;
    }
    if (options.quiet || std::chrono::steady_clock::now() - shown < std::chrono::seconds(30))
      continue;
    shown = std::chrono::steady_clock::now();
    std::uint64_t done = 0;
    for (auto const& each : workers) done += each.done;
    std::cout << done << " histories, " << static_cast<double>(done) / seconds() << " a second"
              << std::endl;
  }
  auto const took = seconds();
  std::uint64_t done = 0;
  Coverage coverage;
  for (auto& each : workers) {
    if (failed && each.in >= 0) ::kill(each.pid, SIGKILL), ::waitpid(each.pid, nullptr, 0);
    done += each.done;
    std::istringstream lines(each.text);
    std::uint64_t count = 0;
    std::string what;
    while (lines >> count && std::getline(lines >> std::ws, what)) coverage[what] += count;
  }
  std::cout << done << " histories in " << took << " s, " << static_cast<double>(done) / took
            << " a second\n";
  if (failed) return one_seed(*failed, options.shrinks);
  if (!options.quiet) print(coverage);
  return 0;
}

std::optional<Options> parse(int argc, char** argv) {
  Options options;
  for (int at = 1; at < argc; ++at) {
    std::string_view const name = argv[at];
    if (name == "--quiet" || name == "--no-shrink") {
      (name == "--quiet" ? options.quiet : options.shrinks) = name == "--quiet";
      continue;
    }
    if (at + 1 == argc) return std::nullopt;
    std::string_view const text = argv[++at];
    if (name == "--script") {
      options.script = text;
      continue;
    }
    auto const value = parse_u64(text);
    if (!value) return std::nullopt;
    if (name == "--seeds")
      options.seeds = *value;
    else if (name == "--from")
      options.from = *value;
    else if (name == "--threads" && *value >= 1 && *value <= 256)
      options.threads = *value;
    else if (name == "--seed")
      options.seed = *value;
    else
      return std::nullopt;
  }
  bool const one = options.seed.has_value() != (options.seeds > 0);
  return options.script.empty() == one ? std::optional(options) : std::nullopt;
}

int script_file(std::string const& name) {
  std::ifstream file;
  if (name != "-") file.open(name);
  auto& in = name == "-" ? std::cin : file;
  if (!in) {
    std::cerr << "cannot read " << name << "\n";
    return 2;
  }
  std::string const text{std::istreambuf_iterator<char>(in), {}};
  std::string problem;
  auto const script = Script::parse(text, problem);
  if (script) return one_script(*script, "hotside-sim --script " + name, true);
  std::cerr << name << ": " << problem << "\n";
  return 2;
}

int main_of(int argc, char** argv) {
  auto const options = parse(argc, argv);
  if (!options) {
    std::cerr << kUsage;
    return 2;
  }
  spdlog::set_level(spdlog::level::off);  // disks that fail are no news here
  if (!options->script.empty()) return script_file(options->script);
  if (options->seed) return one_seed(*options->seed, options->shrinks);
  return many_seeds(*options);
}

}  // namespace
}  // namespace hotside::sim

int main(int argc, char** argv) { return hotside::sim::main_of(argc, argv); }
