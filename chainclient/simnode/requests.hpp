#pragma once
// What a client may ask of a node, read as strictly and as leniently as the node reads it
// (stegos-protocol.md 1.5, 1.6). Inputs that abort a real node are told apart from merely bad ones.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "chainclient/simnode/treasury.hpp"
#include "proto/base/bytes.hpp"
#include "proto/model/generation.hpp"
#include "proto/wire/raw_block.hpp"

namespace hotside::simnode {

using model::Generation;

namespace ask {
struct Version {};
struct ChainName {};
struct Status {
  bool subscribe = false;
};
struct Subscribe {
  std::uint64_t epoch = 0;
  std::uint32_t offset = 0;
};
struct Macro {
  std::uint64_t epoch = 0;
};
struct Micro {
  std::uint64_t epoch = 0;
  std::uint32_t offset = 0;
};
struct Outputs {
  std::vector<Hash> ids;
};
struct PublicPayments {
  PublicKey key;
};
struct Broadcast {
  wire::RawTransaction tx;
};
struct CreateRaw {
  std::vector<Hash> inputs;
  std::vector<Wanted> outputs;
  Scalar secret;
  std::int64_t fee = 0;
  std::vector<wire::RawOutput> unspent;
};
struct Pop {};
struct Certificate {
  Hash output;
};
struct Bad {};     // unknown type, missing or badly typed field
struct Broken {};  // no JSON, or an id that is none
struct Fatal {     // a real node would have aborted
  std::string why;
};
}  // namespace ask

using Call =
    std::variant<ask::Version, ask::ChainName, ask::Status, ask::Subscribe, ask::Macro, ask::Micro,
                 ask::Outputs, ask::PublicPayments, ask::Broadcast, ask::CreateRaw, ask::Pop,
                 ask::Certificate, ask::Bad, ask::Broken, ask::Fatal>;
struct Request {
  std::uint64_t id = 0;  // 0: none
  Call call;
};

Request read_request(std::string_view json, Generation generation, std::string_view hrp);

}  // namespace hotside::simnode
