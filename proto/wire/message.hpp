#pragma once
// Messages of the node's WebSocket API (stegos-protocol.md sections 3 to 8), in all three
// generations' shapes. Requests are a closed set of types: what `Request` cannot express cannot be
// sent, and every constructor of one refuses what makes a node abort (1.6). Answers are parsed in
// one pass over the text; blocks come out verified, and nothing of a large block is kept but what
// model:: holds.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "proto/base/result.hpp"
#include "proto/model/block.hpp"
#include "proto/wire/frame.hpp"
#include "proto/wire/verify.hpp"

namespace hotside::wire {

// ---- to the node -------------------------------------------------------------------------------

enum class Dialect : std::uint8_t { classic, v1_3 };  // macro_block_info or macroblock_info

struct VersionInfo {};
struct ChainName {};
struct StatusInfo {};
struct SubscribeChain {
  Epoch epoch;
  Offset offset;
};
struct MacroBlockInfo {
  Epoch epoch;
};
struct MicroBlockInfo {
  Epoch epoch;
  Offset offset;
};
struct OutputsList {  // 1 to 100 ids; longer lists are split by the caller
  static Result<OutputsList> make(std::vector<Hash> ids);
  std::vector<Hash> const& ids() const { return ids_; }

 private:
  std::vector<Hash> ids_;
};
struct BroadcastTransaction {  // only bytes that decode as a payment transaction
  static Result<BroadcastTransaction> make(Bytes transaction);
  Bytes const& data() const { return data_; }

 private:
  Bytes data_;
};
using Request = std::variant<VersionInfo, ChainName, StatusInfo, SubscribeChain, MacroBlockInfo,
                             MicroBlockInfo, OutputsList, BroadcastTransaction>;

// One JSON object. `id` must not be 0 (an invariant): a reply without id could not be matched.
std::string to_json(Request const& request, std::uint64_t id, Dialect dialect);

// ---- from the node -----------------------------------------------------------------------------

struct VersionReply {
  std::string version;
};
struct ChainNameReply {
  std::string name;
};
struct StatusReply {  // also status_changed and subscribed_status
  bool is_synchronized = false;
  Epoch epoch;
  Offset offset;
  std::uint32_t view_change = 0;
  Hash last_block_hash, last_macro_block_hash;
  std::optional<Time> last_macro_block_time;
  Generation generation = Generation::unknown;  // told by field names and digits of the timestamps
};
struct SubscribedReply {
  Epoch epoch;
  Offset offset;
};
struct OutputsReply {
  std::vector<Bytes> blobs;
};
struct BroadcastReply {
  Hash hash;
  bool accepted = false;
  std::string error;
};
struct MicroBlockMessage {
  model::MicroBlock block;
};  // micro_block_info or ..._prepared
struct MicroBlockReverted {
  Epoch epoch;
  Offset offset;
  Hash hash;
};
struct MacroBlockMessage {
  model::MacroBlock block;
};  // macro_block_info or ..._committed
struct ErrorReply {
  std::string text;
  bool generic = false;
};  // generic: "Failed to parse request, …"
// A block that does not verify, or lacks a field: which one, and why.
struct BadBlock {
  bool is_macro = false;
  Epoch epoch;
  std::optional<Offset> offset;
  std::optional<Hash> hash;
  Error error;
};
struct Ignored {
  std::string type;
};  // has account_id, or a type we do not know

struct NodeMessage {
  std::optional<std::uint64_t> id;  // empty: a notice
  std::variant<VersionReply, ChainNameReply, StatusReply, SubscribedReply, OutputsReply,
               BroadcastReply, MicroBlockMessage, MicroBlockReverted, MacroBlockMessage, ErrorReply,
               BadBlock, Ignored>
      body;
};

struct ParseOptions {
  std::string_view hrp;                         // of the network, for recipients
  Generation generation = Generation::unknown;  // of this node, as its status told
  // validators_len by epoch for activity maps (10.6): of macro e-1, when known; 0: try lengths.
  std::uint32_t activity_length = 0;
};

// Fault::peer when it is no message at all (reason json, id, type, size): the connection is
// worthless. A bad block in a well-formed message is a NodeMessage with BadBlock. `frame` is
// consumed: string values are decoded where they lie.
Result<NodeMessage> parse_message(PlainFrame frame, ParseOptions const& options);

}  // namespace hotside::wire
