#include "proto/wire/verify.hpp"

#include "proto/wire/block_check.hpp"
#include "proto/wire/feed.hpp"

namespace hotside::wire {
namespace {

template <class Header>
std::optional<std::uint64_t> search(Header& header, Hash const& block_hash) {
  constexpr std::uint64_t kMillisecond = 1'000'000;
  Sha3 before;
  feed_before_time(before, header);
  std::uint64_t const first = header.timestamp_ns / kMillisecond * kMillisecond;
  for (std::uint64_t below = 0; below < kMillisecond; ++below) {
    header.timestamp_ns = first + below;
    Sha3 sha(before);
    feed_from_time(sha, header);
    if (sha.finish() == block_hash) return header.timestamp_ns;
  }
  return std::nullopt;
}

}  // namespace

Result<model::MicroBlock> verify(RawMicroBlock const& raw, Hash const& claimed_hash,
                                 bool hash_is_checkable) {
  MicroCheck check;
  for (auto const& tx : raw.transactions) HS_DO(check.add(tx, {}));
  return check.finish(raw.header, claimed_hash, hash_is_checkable);
}

Result<model::MacroBlock> verify(RawMacroBlock const& raw, Hash const& claimed_hash,
                                 bool hash_is_checkable, std::uint32_t activity_length) {
  MacroCheck check;
  for (auto const& id : raw.inputs) HS_DO(check.add_input(id));
  for (auto const& output : raw.outputs) HS_DO(check.add_output(output, std::nullopt));
  RawMacroBlock head{raw.header, raw.multisig, raw.multisigmap, {}, {}, raw.validators};
  return check.finish(std::move(head), claimed_hash, hash_is_checkable, activity_length);
}

std::optional<std::uint64_t> search_timestamp(RawMicroHeader header, Hash const& block_hash) {
  return search(header, block_hash);
}

std::optional<std::uint64_t> search_timestamp(RawMacroHeader header, Hash const& block_hash) {
  return search(header, block_hash);
}

}  // namespace hotside::wire
