#pragma once
// The check of a bundle on the offline side: nothing of the file is believed, everything is
// recomputed from it. Pure: no network, no clock, no store.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "explorer/cold/document.hpp"

namespace hotside::cold {

// A bundle's file, or the answer of the API: both are one text. 64 MiB at most.
struct Verified {
  Document document;  // as far as it could be read
  model::BundleState state = model::BundleState::open;
  Hash manifest;                      // recomputed
  std::vector<std::string> problems;  // empty: the file says nothing that is not so
};

struct Expectation {
  std::optional<std::string> network;  // "mainnet"
  std::optional<Hash> manifest;        // as read from paper
};

Verified verify_bundle(std::string_view file, Expectation const& expected = {});

}  // namespace hotside::cold
