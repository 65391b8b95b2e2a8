#include "tests/sim/certificate.hpp"

#include "proto/base/bytes.hpp"
#include "proto/base/sha3.hpp"

namespace hotside::sim {
namespace {

std::string sha3(std::string const& text) { return sha3_256(as_bytes(text)).hex(); }

Certificate::Part part(std::vector<oracle::Payment> const& pays, oracle::Book const* registered) {
  Certificate::Part made;
  std::multiset<oracle::Id> ids;
  for (auto const& paid : pays) {
    if (registered != nullptr && !registered->has(paid.to)) continue;
    ++made.count;
    made.amount += paid.amount;
    ids.insert(paid.id);
  }
  std::string all;
  for (auto const& id : ids) all += id;
  made.hash = sha3(all);
  return made;
}

Certificate::Part part(store::Certificate::Part const& stored) {
  return {stored.count, stored.amount, stored.hash.hex()};
}

std::string text(Certificate::Part const& part) {
  return std::to_string(part.count) + " " + to_decimal(part.amount) + " " + part.hash + "\n";
}

}  // namespace

Certificate Certificate::of(oracle::Macro const& block, oracle::Book const& book,
                            std::uint64_t feed_seq) {
  return {block.epoch, to_hex(as_bytes(block.hash)), part(block.pays, nullptr),
          part(block.pays, &book), feed_seq};
}

Certificate Certificate::of(store::Certificate const& stored) {
  return {stored.epoch.value, stored.macro_hash.hex(), part(stored.public_outputs),
          part(stored.matched), stored.feed_seq.value};
}

std::string Certificate::name(std::string const& hrp, std::string const& feed,
                              std::string const& previous) const {
  return sha3("hotside-certificate 1\nnetwork " + hrp + "\nepoch " + std::to_string(epoch) +
              "\nmacro " + macro + "\npublic " + text(all) + "matched " + text(matched) + "feed " +
              feed + " " + std::to_string(feed_seq) + "\nprevious " + previous + "\n");
}

}  // namespace hotside::sim
