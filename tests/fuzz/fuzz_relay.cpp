// Calls to the relay: a valid frame around what the input says. Each gets one answer, which a
// client can read.

#include "explorer/relay/desk.hpp"
#include "proto/base/invariant.hpp"
#include "proto/wire/frame.hpp"
#include "proto/wire/json_fields.hpp"
#include "tests/fuzz/backend.hpp"

using namespace hotside;

namespace {

struct World {
  test::TempDir dir;
  std::unique_ptr<fuzz::Backend> backend;
  std::shared_ptr<relay::Desk> desk;
  wire::FrameCipher cipher{wire::Token(std::array<std::uint8_t, 16>{1, 2, 3})};

  World() {
    auto opened = fuzz::Backend::open(fuzz::make_store(dir));
    invariant(opened.has_value(), "the store opens");
    backend = std::move(*opened);
    auto no_node = [](wire::Request const&, std::chrono::milliseconds, auto const& done) {
      done(fail(Fault::transient, "no node", "no_node"));
    };
    desk = std::make_shared<relay::Desk>(
        backend->net(), relay::DeskOptions{"1.0.0", "dev", std::chrono::seconds(1)},
        relay::DeskPorts{backend->readers(), backend->desk(), backend->outputs(),
                         backend->transactions(), no_node, backend->clock()});
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  static World world;
  std::string json = "{" + std::string(reinterpret_cast<char const*>(data), size) + "}";
  auto frame = world.cipher.open(world.cipher.seal(json));
  invariant(frame.has_value(), "a sealed frame opens");
  auto call = relay::read_call(frame->json());
  if (!call) return 0;
  auto const id = call->id;
  auto const is_done = std::make_shared<bool>(false);
  auto const answer = std::make_shared<std::string>();
  world.desk->serve(std::move(*call), "fuzz", [is_done, answer](std::string text) {
    invariant(!*is_done, "a call is answered once");
    *answer = std::move(text);
    *is_done = true;
  });
  world.backend->run_until(*is_done);
  auto const size_of_answer = answer->size();
  answer->append(wire::PlainFrame::kPadding, '\0');
  auto fields = wire::JsonFields::read(std::string_view(*answer).substr(0, size_of_answer));
  invariant(fields.has_value(), "an answer is an object");
  invariant(id == 0 || fields->u64("id") == id, "with the id of its call");
  return 0;
}
