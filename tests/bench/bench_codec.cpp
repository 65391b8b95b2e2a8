// How fast and in how much memory the largest message is taken in: a macro block of v1.2.2.
//
//   bench_codec [OUTPUTS]            makes one, takes it in, compares with references
//   bench_codec take FILE            takes in the frame in FILE (a process of its own, for its
//                                    peak memory)

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include "proto/base/invariant.hpp"
#include "proto/wire/hash.hpp"
#include "proto/wire/message.hpp"
#include "tests/support/make_block.hpp"

using namespace hotside;

namespace {

wire::FrameCipher cipher() {
  return wire::FrameCipher(wire::Token(std::array<std::uint8_t, 16>{1, 2, 3}));
}

template <class Job>
double seconds(Job job) {
  auto const begin = std::chrono::steady_clock::now();
  job();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double megabytes(std::size_t bytes) { return static_cast<double>(bytes) / 1e6; }

void print(char const* what, double time, std::size_t bytes) {
  std::printf("  %-34s %8.3f s  %8.0f MB/s\n", what, time, megabytes(bytes) / time);
}

std::string make_json(std::size_t outputs) {
  fixtures::BlockMaker maker(1);
  auto const block = maker.macro(7, outputs / 2, outputs, 8);
  auto const hash = wire::macro_block_hash(block.header);
  return fixtures::block_json(block, hash, model::Generation::v1_2_2, "stt");
}

int take(char const* path) {
  std::string text;
  {
    std::ifstream in(path, std::ios::binary | std::ios::ate);
    text.resize(static_cast<std::size_t>(in.tellg()));
    in.seekg(0).read(text.data(), static_cast<std::streamsize>(text.size()));
  }
  std::size_t const frame_bytes = text.size();
  auto const opener = cipher();
  wire::PlainFrame frame;
  print("open frame (Base64, AES)", seconds([&] { frame = *opener.open(std::move(text)); }),
        frame_bytes);
  std::size_t const json_bytes = frame.size;
  std::size_t payments = 0;
  double const time = seconds([&] {
    auto const message =
        wire::parse_message(std::move(frame), {"stt", model::Generation::v1_2_2, 6});
    invariant(message.has_value(), "the benchmark's message is one");
    auto const* macro = std::get_if<wire::MacroBlockMessage>(&message->body);
    invariant(macro != nullptr, "the benchmark's block verifies");
    payments = macro->block.payments.size();
  });
  print("parse and verify", time, json_bytes);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "  %-34s %8.0f MB: %.2f of the frame, %.2f of the JSON (%zu payments found)\n",
      "peak memory of that process", megabytes(static_cast<std::size_t>(usage.ru_maxrss) * 1024),
      static_cast<double>(usage.ru_maxrss) * 1024 / static_cast<double>(frame_bytes),
      static_cast<double>(usage.ru_maxrss) * 1024 / static_cast<double>(json_bytes), payments);
  return 0;
}

void references(std::string const& json) {
  std::string copy(json.size(), '\0');
  print("reference: memcpy of the JSON",
        seconds([&] { std::memcpy(copy.data(), json.data(), json.size()); }), json.size());
  Hash hash;
  print("reference: SHA3-256 of the JSON", seconds([&] { hash = sha3_256(as_bytes(json)); }),
        json.size());
  std::size_t members = 0;
  print("reference: Boost.JSON DOM, no check",
        seconds([&] { members = boost::json::parse(json).as_object().size(); }), json.size());
  invariant(!hash.is_zero() && members > 20 && copy == json, "the references did their work");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "take") return take(argv[2]);
  std::size_t const outputs = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 20'000;
  auto const json = make_json(outputs);
  std::string path = "/tmp/hotside_bench_XXXXXX";
  int const file = mkstemp(path.data());
  invariant(file >= 0, "a temporary file can be made");
  close(file);
  {
    auto const frame = cipher().seal(json);
    std::ofstream(path, std::ios::binary) << frame;
    std::printf("macro block of v1.2.2 with %zu outputs: %.0f MB of JSON, frame of %.0f MB\n",
                outputs, megabytes(json.size()), megabytes(frame.size()));
  }
  std::fflush(stdout);
  pid_t const child = fork();
  if (child == 0) {
    execl(argv[0], argv[0], "take", path.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  unlink(path.c_str());
  references(json);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
