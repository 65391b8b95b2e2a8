#include "tests/sim/bundles.hpp"

#include <algorithm>

namespace hotside::sim::oracle {
namespace {

template <class T>
bool has(std::vector<T> const& all, T const& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

template <class T>
bool are_same(std::vector<T> one, std::vector<T> other) {
  std::sort(one.begin(), one.end());
  std::sort(other.begin(), other.end());
  return one == other;
}

}  // namespace

std::string Bundle::state_of(Request const& request, std::int64_t now) const {
  return request.state == "open" && expires_at <= now ? "expired" : request.state;
}

std::string Bundle::state(std::int64_t now) const {
  for (auto const* state : {"relayed", "open", "spent", "released"})
    for (auto const& request : requests)
      if (state_of(request, now) == state) return state;
  return "expired";
}

Bundle const* Bundles::find(std::string const& id) const {
  auto const at =
      std::find_if(all_.begin(), all_.end(), [&](auto const& each) { return each.id == id; });
  return at == all_.end() ? nullptr : &*at;
}

void Bundles::release(std::string const& id, std::int64_t now) {
  for (auto& bundle : all_)
    for (auto& request : bundle.requests)
      if (bundle.id == id && bundle.state_of(request, now) == "open") request.state = "released";
}

void Bundles::sealed(std::set<Id> const& spends, std::int64_t now) {
  for (auto& bundle : all_)
    for (auto& request : bundle.requests) {
      auto const state = bundle.state_of(request, now);
      if (state != "open" && state != "relayed") continue;
      auto const is_spent = [&](Id const& id) { return spends.contains(id); };
      if (std::any_of(request.inputs.begin(), request.inputs.end(), is_spent))
        request.state = "spent";
    }
}

std::optional<Bundles::Match> Bundles::match(std::vector<Id> const& inputs,
                                             std::vector<Payout> const& outputs,
                                             std::int64_t now) const {
  std::optional<Match> found;
  for (std::size_t at = 0; at < all_.size(); ++at)
    for (std::size_t i = 0; i < all_[at].requests.size(); ++i) {
      auto const& request = all_[at].requests[i];
      if (!are_same(request.inputs, inputs) || !are_same(request.outputs, outputs)) continue;
      auto const state = all_[at].state_of(request, now);
      found = Match{at, i, request.state == "spent"};           // the newest
      if (state == "open" || state == "relayed") return found;  // who has them now comes first
    }
  return found;
}

bool Bundles::is_reserved(Id const& utxo, std::optional<Match> const& own, std::int64_t now) const {
  for (std::size_t at = 0; at < all_.size(); ++at)
    for (std::size_t i = 0; i < all_[at].requests.size(); ++i) {
      if (own && own->bundle == at && own->request == i) continue;
      auto const& request = all_[at].requests[i];
      auto const state = all_[at].state_of(request, now);
      if ((state == "open" || state == "relayed") && has(request.inputs, utxo)) return true;
    }
  return false;
}

}  // namespace hotside::sim::oracle
