#include "chainclient/simnode/genesis.hpp"

#include <algorithm>
#include <array>

#include "proto/base/embedded.hpp"
#include "proto/base/invariant.hpp"
#include "proto/wire/hash.hpp"
#include "proto/wire/protobuf.hpp"

namespace hotside::simnode {
namespace embedded {
std::span<EmbeddedFile const> files();
}

namespace {

// How the election of the first epoch came out: slots by ascending validator key, and which of
// them is the facilitator. The header's validators_root confirms them.
struct Election {
  std::string_view network, file;
  std::array<std::int64_t, 8> slots;
  std::size_t facilitator;
  std::uint32_t award_difficulty;
};
constexpr std::array<Election, 4> kElections{{
    {"dev", "dev.genesis.bin", {265, 254, 249, 232}, 0, 3},
    {"devnet", "dev.genesis.bin", {265, 254, 249, 232}, 0, 3},
    {"testnet", "testnet.genesis.bin", {131, 123, 111, 128, 131, 129, 116, 131}, 3, 10},
    {"mainnet", "mainnet.genesis.bin", {117, 122, 127, 131, 136, 127, 118, 122}, 1, 10},
}};

std::vector<wire::RawValidator> validators_of(wire::RawMacroBlock const& block,
                                              Election const& election) {
  std::vector<wire::RawValidator> validators;
  for (auto const& output : block.outputs)
    if (auto const* stake = std::get_if<wire::RawStakeOutput>(&output))
      validators.push_back({stake->validator, stake->recipient, 0});
  std::ranges::sort(validators, {}, &wire::RawValidator::network_key);
  invariant(validators.size() <= election.slots.size(), "genesis has as many stakes as expected");
  for (std::size_t i = 0; i < validators.size(); ++i) validators[i].slots = election.slots[i];
  return validators;
}

}  // namespace

Result<Genesis> load_genesis(std::string const& name) {
  auto network = model::network_by_name(name);
  auto const election = std::ranges::find(kElections, name, &Election::network);
  if (!network || election == kElections.end())
    return fail(Fault::rejected, "simnode: no network named '" + name + "'");
  auto const files = embedded::files();
  auto const file = std::ranges::find(files, election->file, &EmbeddedFile::name);
  invariant(file != files.end(), "the genesis files are compiled in");
  HS_TRY(block, wire::decode_genesis(as_bytes(file->bytes)));

  auto macro = std::make_shared<Macro>();
  macro->block = std::move(block);
  macro->block.validators = validators_of(macro->block, *election);
  invariant(wire::validators_root(macro->block.validators) == macro->block.header.validators_root,
            "the first validators are those that the header commits to");
  macro->hash = wire::macro_block_hash(macro->block.header);
  auto info = std::make_shared<EpochInfo>();
  info->validators = macro->block.validators;
  info->facilitator = info->validators[election->facilitator].network_key;
  info->difficulty = election->award_difficulty;
  macro->info = std::move(info);
  return Genesis{*std::move(network), std::move(macro)};
}

}  // namespace hotside::simnode
