#pragma once
// What a client of the relay can ask for: a closed set. Whatever else arrives is answered with an
// error, and no byte of it goes anywhere.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proto/base/bytes.hpp"
#include "proto/base/json_writer.hpp"
#include "proto/base/result.hpp"
#include "proto/wire/message.hpp"

namespace hotside::relay {

namespace ask {
struct Version {};
struct ChainName {};
struct Status {};
struct Outputs {
  std::vector<Hash> ids;
};
struct Broadcast {
  Bytes data;
};
struct Refused {
  std::string why;
};
}  // namespace ask

struct Call {
  std::uint64_t id = 0;  // 0: none, and then the answer has none
  std::string type;      // as given, for the audit log: 64 visible characters at most
  std::variant<ask::Version, ask::ChainName, ask::Status, ask::Outputs, ask::Broadcast,
               ask::Refused>
      what;
};

inline constexpr std::size_t kOutputsMax = 1000;  // ids in one call

// peer: no message at all; a node ends the connection here, and so do we.
Result<Call> read_call(std::string_view json);

// ---- answers, in the shapes of v1.2.2

std::string error_answer(std::uint64_t id, std::string_view text);
std::string version_answer(std::uint64_t id, std::string_view version);
std::string chain_name_answer(std::uint64_t id, std::string_view name);
std::string status_answer(std::uint64_t id, wire::StatusReply const& status, Time now);
std::string outputs_answer(std::uint64_t id, std::vector<Bytes> const& blobs);
// `error`: rejected.
std::string broadcast_answer(std::uint64_t id, Hash const& hash,
                             std::optional<std::string> const& error);

}  // namespace hotside::relay
