#pragma once
// A bundle as text: the JSON that goes to the offline signer, and the manifest that stands for all
// of it. docs/bundle.md defines both.

#include <string>
#include <vector>

#include "proto/base/result.hpp"
#include "proto/base/units.hpp"
#include "proto/model/bundle.hpp"
#include "proto/model/network.hpp"

namespace hotside::cold {

struct Document {
  std::string id;
  Time created_at, expires_at;
  model::Network network;
  std::vector<model::BundleRequest> requests;

  bool operator==(Document const&) const = default;
};

// What the manifest is SHA3-256 of.
Result<std::string> manifest_text(Document const& document);
Result<Hash> manifest_of(Document const& document);

// For a person: who pays whom what, one line each.
std::vector<std::string> summary_of(Document const& document);

// The members that follow `id` and `state`.
Result<std::string> render_members(Document const& document);
// The whole answer, of members as above.
std::string render_answer(std::string const& id, model::BundleState state,
                          std::string const& members);

}  // namespace hotside::cold
