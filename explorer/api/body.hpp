#pragma once
// JSON request bodies, read strictly: no unknown field, none twice, nothing of another type.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/result.hpp"
#include "proto/model/ports.hpp"
#include "store/addresses.hpp"

namespace hotside::api {

// One address as it was sent.
struct AddressText {
  std::string address;
  std::optional<std::string> reference, label;
};
Result<model::NewAddress> check_address(AddressText text, std::string_view hrp);

struct AddressItems {
  std::vector<model::NewAddress> addresses;  // the valid ones, in order
  struct Bad {
    std::size_t index;
    std::string error;
  };
  std::vector<Bad> errors;
};

// {"addresses":[{"address","reference"?,"label"?}]}. An error is of the body as a whole; what is
// wrong with one address (not one of this network, a bad reference) stands in `errors`.
Result<AddressItems> read_addresses(std::string_view body, std::string_view hrp);

// {"data":"hex"}, or the whole reply of create_raw_transaction. rejected with reason undecodable:
// `data` is no hexadecimal text.
struct TransactionBody {
  Bytes data;
  std::optional<std::vector<Hash>> outputs;  // `txouts`, where given
};
Result<TransactionBody> read_transaction(std::string_view body);
// {"address","reference"?,"label"?}, alone.
Result<AddressText> read_address(std::string_view body);

// {"reference"?,"label"?}: null clears.
Result<store::AddressChange> read_address_change(std::string_view body);

// {"reason"}: 1 to 1000 characters.
Result<std::string> read_reason(std::string_view body);

}  // namespace hotside::api
