#include "explorer/cold/outputs.hpp"

#include <catch2/catch.hpp>

#include "proto/wire/hash.hpp"
#include "proto/wire/protobuf.hpp"
#include "tests/support/blocks.hpp"

using namespace hotside;
using namespace hotside::test;

namespace {

wire::RawPublicOutput output(std::int64_t serno) { return {key_of(1), serno, 5}; }

// A node that answers when told, and has the outputs 0 … count-1.
struct Node {
  using Done = std::function<void(Result<std::vector<Bytes>>)>;
  std::int64_t count = 0;
  bool lies = false, is_gone = false;
  std::vector<std::pair<std::vector<Hash>, Done>> waiting;
  std::vector<std::size_t> sizes;
  std::shared_ptr<cold::Outputs> outputs =
      std::make_shared<cold::Outputs>([this](std::vector<Hash> ids, Done done) {
        sizes.push_back(ids.size());
        waiting.emplace_back(std::move(ids), std::move(done));
      });

  void answer() {
    REQUIRE(waiting.size() == 1);  // one in flight
    auto [ids, done] = std::move(waiting.front());
    waiting.clear();
    if (is_gone) return done(fail(Fault::transient, "no node"));
    std::vector<Bytes> blobs;
    for (auto const& id : ids) {
      std::optional<Bytes> blob;
      for (std::int64_t i = 0; i < count; ++i)
        if (wire::output_id(output(i)) == id)
          blob = wire::public_payment_blob(output(lies ? i + 1 : i));
      if (!blob)
        return done(fail(Fault::rejected, "Output was not found hash=" + id.hex().substr(0, 12)));
      blobs.push_back(std::move(*blob));
    }
    done(std::move(blobs));
  }
};

std::vector<Hash> ids(std::int64_t count) {
  std::vector<Hash> made;
  for (std::int64_t i = 0; i < count; ++i) made.push_back(wire::output_id(output(i)));
  return made;
}

}  // namespace

TEST_CASE("the node is asked for at most 100 outputs, one request after the other") {
  Node node;
  node.count = 250;
  int answers = 0;
  auto const take = [&](Result<model::Fetched> fetched) {
    REQUIRE(fetched);
    CHECK(fetched->blobs.size() == 250);
    CHECK(fetched->missing.empty());
    ++answers;
  };
  node.outputs->fetch(ids(250), take);
  node.outputs->fetch(ids(250), take);
  for (int i = 0; i < 6; ++i) node.answer();
  CHECK(answers == 2);
  CHECK(node.sizes == std::vector<std::size_t>{100, 100, 50, 100, 100, 50});
}

TEST_CASE("no more than 64 callers wait for the node") {
  Node node;
  node.count = 1;
  int given = 0, refused = 0;
  for (int i = 0; i < 70; ++i)
    node.outputs->fetch(ids(1), [&](Result<model::Fetched> const& fetched) {
      ++(fetched ? given : refused);
      if (!fetched) CHECK(fetched.error().fault == Fault::transient);
    });
  CHECK(refused == 6);
  for (int i = 0; i < 64; ++i) node.answer();
  CHECK(given == 64);
}

TEST_CASE("every output that the node does not have is named") {
  Node node;
  node.count = 120;
  std::vector<Hash> missing;
  node.outputs->fetch(ids(123), [&](Result<model::Fetched> fetched) {
    REQUIRE(fetched);
    missing = fetched->missing;
  });
  while (!node.waiting.empty()) node.answer();
  std::vector<Hash> expected;
  for (std::int64_t i = 120; i < 123; ++i) expected.push_back(wire::output_id(output(i)));
  std::ranges::sort(missing);
  std::ranges::sort(expected);
  CHECK(missing == expected);
}

TEST_CASE("what is only alike in the digits that a node names is served") {
  Node node;
  node.count = 2;
  auto asked = ids(2);
  auto like = asked[0];
  like.bytes[31] ^= 1;  // the first 12 digits are the same
  asked.push_back(like);
  std::optional<model::Fetched> got;
  node.outputs->fetch(asked, [&](Result<model::Fetched> fetched) {
    REQUIRE(fetched);
    got = std::move(*fetched);
  });
  while (!node.waiting.empty()) node.answer();
  REQUIRE(got);
  CHECK(got->missing == std::vector<Hash>{like});
  CHECK(got->blobs.size() == 2);
}

TEST_CASE("all who wait for a node that is silent are told at once") {
  Node node;
  node.count = 3;
  int refused = 0;
  for (int i = 0; i < 5; ++i)
    node.outputs->fetch(ids(3), [&](auto const& fetched) { refused += fetched ? 0 : 1; });
  node.is_gone = true;
  node.answer();
  CHECK(refused == 5);
  CHECK(node.waiting.empty());
}

TEST_CASE("a blob that is another output is refused, and a node that is gone is said to be") {
  Node node;
  node.count = 3;
  node.lies = true;
  std::string reason;
  node.outputs->fetch(ids(2), [&](Result<model::Fetched> fetched) {
    REQUIRE_FALSE(fetched);
    reason = fetched.error().reason;
  });
  node.answer();
  CHECK(reason == "output_id");
  node.lies = false;
  node.is_gone = true;
  Fault fault = Fault::corrupt;
  node.outputs->fetch(ids(2),
                      [&](Result<model::Fetched> fetched) { fault = fetched.error().fault; });
  node.answer();
  CHECK(fault == Fault::transient);
  node.is_gone = false;
  bool is_served = false;
  node.outputs->fetch(ids(2), [&](Result<model::Fetched> fetched) { is_served = bool(fetched); });
  node.answer();
  CHECK(is_served);
}

TEST_CASE("fields that do not hash to the id are never served") {
  Node node;
  model::PublicPayment payment;
  payment.recipient = key_of(1);
  payment.serno = 7;
  payment.amount = Amount(5);
  payment.id = wire::output_id(output(7));
  CHECK(node.outputs->blob(payment) == wire::public_payment_blob(output(7)));
  payment.amount = Amount(6);
  CHECK_FALSE(node.outputs->blob(payment));
}
