#include "explorer/cold/blob.hpp"

#include "proto/wire/hash.hpp"
#include "proto/wire/protobuf.hpp"

namespace hotside::cold {

Result<Bytes> blob_of(model::PublicPayment const& payment) {
  wire::RawPublicOutput const output{payment.recipient, payment.serno, payment.amount.value};
  if (wire::output_id(output) != payment.id)
    return fail(Fault::corrupt,
                "the stored fields of output " + payment.id.hex() + " do not hash to its id",
                "output_id");
  return wire::public_payment_blob(output);
}

Result<Bytes> blob_of(model::Coin const& coin) {
  model::PublicPayment payment;
  payment.id = coin.id.utxo;
  payment.recipient = coin.recipient;
  payment.serno = coin.serno;
  payment.amount = coin.amount;
  return blob_of(payment);
}

Result<Hash> id_of(ByteView blob) {
  HS_TRY(output, wire::decode_output(blob));
  return wire::output_id(output);
}

}  // namespace hotside::cold
