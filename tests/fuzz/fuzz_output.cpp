// Output blobs: what decodes comes back the same from its canonical form.

#include "proto/base/invariant.hpp"
#include "proto/wire/hash.hpp"
#include "proto/wire/protobuf.hpp"

using namespace hotside;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const output = wire::decode_output({data, size});
  if (!output) return 0;
  auto const again = wire::decode_output(wire::encode_output(*output));
  invariant(again.has_value() && *again == *output, "an output comes back from its blob");
  invariant(wire::output_id(*again) == wire::output_id(*output), "and keeps its id");
  return 0;
}
