// A service that may use 1 GiB has to take a macro block of 430 MB: beside the frame it comes in,
// reading one must need next to nothing. An executable of its own, since it counts every
// allocation.

#include <malloc.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <new>

#include "proto/wire/hash.hpp"
#include "proto/wire/message.hpp"
#include "tests/support/make_block.hpp"
#include "tests/vectors/plain.hpp"

namespace {

std::size_t g_live = 0;
std::size_t g_peak = 0;

void* counted(std::size_t size) {
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  g_live += malloc_usable_size(memory);
  if (g_live > g_peak) g_peak = g_live;
  return memory;
}

void release(void* memory) noexcept {
  if (memory == nullptr) return;
  g_live -= malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void operator delete(void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }

using namespace hotside;

TEST_CASE("a macro block needs no memory that grows with its text") {
  constexpr std::size_t kOutputs = 4000;
  auto const raw = fixtures::BlockMaker(1).macro(7, 1000, kOutputs, 4);
  auto const hash = wire::macro_block_hash(raw.header);
  for (auto generation : {model::Generation::v1_2_2, model::Generation::dev}) {
    auto frame = fixtures::plain_frame(fixtures::block_json(raw, hash, generation, "stt"));
    std::size_t const text = frame.size;
    std::size_t const before = g_live;
    g_peak = g_live;
    auto const message = wire::parse_message(std::move(frame), {"stt", generation, 6});
    std::size_t const used = g_peak - before;
    REQUIRE(message);
    REQUIRE(std::holds_alternative<wire::MacroBlockMessage>(message->body));
    WARN(text << " bytes of JSON, " << used << " bytes used to read them");
    // The ids and the payments, with the room that growing lists take.
    CHECK(used < kOutputs * 200);
    CHECK(used < text / 10);
  }
}
