#include "proto/model/bundle.hpp"

#include "proto/base/invariant.hpp"

namespace hotside::model {

std::string_view to_string(BundleState state) {
  switch (state) {
    case BundleState::relayed:
      return "relayed";
    case BundleState::open:
      return "open";
    case BundleState::spent:
      return "spent";
    case BundleState::released:
      return "released";
    case BundleState::expired:
      return "expired";
  }
  invariant(false, "a bundle in no state");
  return {};
}

}  // namespace hotside::model
