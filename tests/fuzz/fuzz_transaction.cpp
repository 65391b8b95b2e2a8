// Transactions as a customer hands them in, and genesis files.

#include "proto/base/invariant.hpp"
#include "proto/wire/hash.hpp"
#include "proto/wire/message.hpp"
#include "proto/wire/protobuf.hpp"

using namespace hotside;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  static_cast<void>(wire::decode_genesis({data, size}));
  auto const request = wire::BroadcastTransaction::make(Bytes(data, data + size));
  if (request) {
    auto const json = wire::to_json(*request, 1, wire::Dialect::classic);
    invariant(json.size() > 2 * size, "a request holds the whole transaction");
  }
  auto const tx = wire::decode_transaction({data, size});
  if (!tx) return 0;
  auto const hash = wire::tx_full_hash(*tx);
  if (std::holds_alternative<wire::RawSlashing>(*tx)) return 0;
  auto const again = wire::decode_transaction(wire::encode_transaction(*tx));
  invariant(again.has_value() && *again == *tx, "a transaction comes back from its bytes");
  invariant(wire::tx_full_hash(*again) == hash, "and keeps its hash");
  return 0;
}
