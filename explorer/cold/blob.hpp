#pragma once
// Full outputs by their id: no blob is given to anybody that does not hash to the id it is asked
// for.

#include "proto/base/result.hpp"
#include "proto/model/block.hpp"
#include "proto/model/bundle.hpp"

namespace hotside::cold {

// The blob of a public payment follows from its fields; corrupt when these do not give its id.
Result<Bytes> blob_of(model::PublicPayment const& payment);
Result<Bytes> blob_of(model::Coin const& coin);

// The id of whatever kind of output the blob is. peer: it is none.
Result<Hash> id_of(ByteView blob);

}  // namespace hotside::cold
