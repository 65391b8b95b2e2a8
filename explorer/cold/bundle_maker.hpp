#pragma once
// Bundles made of what the store has.

#include "explorer/cold/document.hpp"
#include "proto/model/network.hpp"
#include "store/bundles.hpp"

namespace hotside::cold {

class BundleMaker final : public store::BundleMaker {
 public:
  // `max_fee` in µSTG, of one request.
  BundleMaker(model::Network network, std::int64_t max_fee)
      : network_(std::move(network)), max_fee_(max_fee) {}

  Result<std::variant<store::BundleRow, store::Shortage>> make(store::WriteTxn& txn,
                                                               store::BundleOrder const& order,
                                                               Time now) const override;

 private:
  model::Network network_;
  std::int64_t max_fee_;
};

}  // namespace hotside::cold
