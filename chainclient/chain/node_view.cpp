#include "chainclient/chain/node_view.hpp"

#include "proto/base/invariant.hpp"

namespace hotside::chain {
namespace {

constexpr std::size_t kOwedMax = 64;
// However steadily bytes come in, an answer that takes this many times the limit is none: they may
// be notices.
constexpr int kPatience = 6;
constexpr int kMacroPatience = 60;
constexpr int kLateMacros = 2;  // then no more time is given than three times the limit

struct PlaceOf {
  std::pair<Epoch, Offset> operator()(AskMacro const& ask) const { return {ask.epoch, {}}; }
  std::pair<Epoch, Offset> operator()(AskMicro const& ask) const { return {ask.epoch, ask.offset}; }
  template <class Other>
  std::pair<Epoch, Offset> operator()(Other const&) const {
    return {};
  }
};

bool asks_macro(Purpose purpose) {
  return purpose == Purpose::macro || purpose == Purpose::confirm || purpose == Purpose::agree ||
         purpose == Purpose::anchor || purpose == Purpose::genesis;
}

}  // namespace

void NodeView::on_connected(Instant now) {
  dropped_ = false;
  link_.emplace();
  link_->since = link_->progress_at = link_->macro_at = link_->status_due = now;
  link_->recheck_at = now;
  down_text.clear();
}

void NodeView::on_lost(std::string why, Instant now) {
  if (!link_ && std::exchange(dropped_, false)) return;  // the reason we gave says more
  if (link_ && !link_->proven)
    why = "wrong token or wrong endpoint: the node dropped the connection at the first request (" +
          why + ")";
  down_text = std::move(why);
  link_.reset();
  fit_since.reset();
  if (!unreachable_since) unreachable_since = now;
}

void NodeView::on_dropped(std::string why, Instant now) {
  if (link_) link_->proven = true;  // our doing, not a wrong token
  on_lost(std::move(why), now);
  dropped_ = true;
}

bool NodeView::can_ask() const { return link_ && link_->pending.size() < kOwedMax; }

RequestId NodeView::ask(Outbox& out, Ask const& ask, Purpose purpose, Instant now) {
  invariant(link_.has_value(), "only a connected node is asked");
  auto const id = out.send(id_, ask);
  auto const [epoch, offset] = std::visit(PlaceOf{}, ask);
  link_->pending[id] = Pending{purpose, epoch, offset, now};
  return id;
}

std::optional<Pending> NodeView::answered(RequestId id, Instant now) {
  if (!link_) return std::nullopt;
  auto node = link_->pending.extract(id);
  if (node.empty()) return std::nullopt;
  link_->proven = true;
  link_->progress_at = now;
  if (asks_macro(node.mapped().purpose)) {
    link_->macro_at = now;
    if (node.mapped().purpose == Purpose::macro) late_macros_ = 0;
  }
  return node.mapped();
}

bool NodeView::owes(Purpose purpose) const {
  return link_ && std::any_of(link_->pending.begin(), link_->pending.end(),
                              [&](auto const& entry) { return entry.second.purpose == purpose; });
}

bool NodeView::owes_macro() const {
  return link_ && std::any_of(link_->pending.begin(), link_->pending.end(),
                              [](auto const& entry) { return asks_macro(entry.second.purpose); });
}

bool NodeView::is_overdue(Instant now, std::chrono::milliseconds limit) const {
  if (!link_ || link_->pending.empty()) return false;
  // Ids rise with time: the first is the oldest.
  auto const sent = link_->pending.begin()->second.sent;
  auto const from = std::max({sent, link_->macro_at, link_->progress_at});
  auto const most = owes_macro() ? kMacroPatience : kPatience;
  return now - from > patience(limit) || now - std::max(sent, link_->macro_at) > most * limit;
}

std::chrono::milliseconds NodeView::patience(std::chrono::milliseconds limit) const {
  return owes_macro() ? limit * (1 + late_macros_) : limit;
}

Instant NodeView::silent_since() const { return link_->pending.begin()->second.sent; }

void NodeView::give_more_time() {
  if (owes_macro()) late_macros_ = std::min(late_macros_ + 1, kLateMacros);
}

bool NodeView::is_of(model::Network const& network) const {
  return link_ && link_->chain_name == network.name && link_->genesis == network.genesis;
}

bool NodeView::is_foreign(model::Network const& network) const {
  if (!link_) return false;
  return (link_->chain_name && *link_->chain_name != network.name) ||
         (link_->genesis && *link_->genesis != *network.genesis);
}

bool NodeView::is_fit(model::Network const& network) const {
  return is_of(network) && link_->status && link_->status->is_synchronized &&
         link_->final_checked && !link_->contradicting;
}

}  // namespace hotside::chain
