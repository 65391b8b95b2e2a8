// Who is it: token and endpoint, chain name, status, genesis; then a status poll on a timer.

#include <utility>

#include "chainclient/chain/follower_impl.hpp"

namespace hotside::chain {
namespace {
constexpr std::chrono::seconds kForeignEvery(10);
constexpr std::chrono::milliseconds kPollWithoutNotices(250);  // 1.3: there is nothing else
constexpr std::chrono::milliseconds kStatusApart(50);          // however many notices ask for one
}  // namespace

void Follower::Impl::drop(NodeView& node, std::string why) {
  out.log(Log::Level::warn, "node " + node.name() + ": " + why + "; connecting anew");
  out.reconnect(node.id(), why);
  node.on_dropped(std::move(why), now);
}

std::chrono::milliseconds Follower::Impl::poll_every(NodeView const& node) const {
  if (node.is_foreign(options.network)) return kForeignEvery;
  if (current == node.id() && node.generation == model::Generation::v1_3)
    return std::min(options.status_every, kPollWithoutNotices);
  return options.status_every;
}

void Follower::Impl::ask_status(NodeView& node) {
  if (!node.connected() || !node.link().has_version || !node.link().chain_name) return;
  if (node.owes(Purpose::status))
    node.link().status_again = true;
  else
    node.link().status_due = std::min(node.link().status_due, now);
}

// One question at a time until the node is known; then status whenever it is due.
void Follower::Impl::greet(NodeView& node) {
  auto& link = node.link();
  if (!link.has_version) {
    if (!node.owes(Purpose::version) && link.greeting.ready(now))
      node.ask(out, AskVersion{}, Purpose::version, now);
    return;
  }
  if (!link.chain_name) {
    if (!node.owes(Purpose::chain_name) && link.greeting.ready(now))
      node.ask(out, AskChainName{}, Purpose::chain_name, now);
    return;
  }
  if (now >= link.status_due && !node.owes(Purpose::status)) {
    link.status_due = now + poll_every(node);
    link.status_again = false;
    node.ask(out, AskStatus{}, Purpose::status, now);
  }
  if (!link.status) return;
  if (!link.genesis && !node.owes(Purpose::genesis) && link.greeting.ready(now))
    node.ask(out, AskMacro{Epoch(0)}, Purpose::genesis, now);
  if (link.genesis && node.is_foreign(options.network) && now >= link.recheck_at &&
      !node.owes(Purpose::genesis) && !node.owes(Purpose::chain_name)) {
    link.recheck_at = now + kForeignEvery;
    node.ask(out, AskChainName{}, Purpose::chain_name, now);
    node.ask(out, AskMacro{Epoch(0)}, Purpose::genesis, now);
  }
}

void Follower::Impl::on_greeting_answer(NodeView& node, Pending const& pending, Answer& answer) {
  auto& link = node.link();
  if (pending.purpose == Purpose::version) {
    link.has_version = true;  // whatever it says: it could read us
    return;
  }
  if (auto const* name = std::get_if<ChainName>(&answer);
      name != nullptr && pending.purpose == Purpose::chain_name) {
    link.chain_name = name->name;
    link.greeting.reset();
    return;
  }
  auto const* seen = std::get_if<MacroSeen>(&answer);
  if (seen == nullptr || pending.purpose != Purpose::genesis || seen->block.epoch != Epoch(0)) {
    if (auto const* bad_genesis = std::get_if<Unusable>(&answer)) out.refused(bad_genesis->reason);
    link.greeting.fail(now);
    return;
  }
  bool const is_news = link.genesis != seen->block.hash;
  link.genesis = seen->block.hash;
  link.greeting.reset();
  if (is_news && node.is_foreign(options.network)) {
    link.recheck_at = now + kForeignEvery;
    out.log(Log::Level::error, "node " + node.name() + ": " + foreign_text(node));
  }
  if (is_news && node.is_of(options.network)) ask_status(node);
  if (seen->block.hash != *options.network.genesis && tracker.started())
    tracker.violate({model::ViolationKind::genesis, Epoch(0), *options.network.genesis,
                     seen->block.hash, node.name()});
}

std::string Follower::Impl::foreign_text(NodeView const& node) const {
  auto const& link = node.link();
  auto const shown = link.genesis ? " (genesis " + link.genesis->hex() + ")" : std::string();
  return "this service is of " + options.network.name + " (genesis " +
         options.network.genesis->hex() + "), the node of " + link.chain_name.value_or("?") + shown;
}

void Follower::Impl::on_status(NodeView& node, RequestId id, Status const& status) {
  auto& link = node.link();
  if (link.status_again) {
    link.status_again = false;
    link.status_due = std::min(link.status_due, now + kStatusApart);
  }
  if (status.epoch == Epoch(0) || status.offset.value > kMicroBlocksPerEpoch) {
    out.log(Log::Level::debug, "node " + node.name() + ": a status that cannot be");
    return;
  }
  auto const before = std::exchange(link.status, status);
  link.status_id = id;
  if (status.generation != model::Generation::unknown) node.generation = status.generation;
  node.unreachable_since.reset();
  if (!node.is_of(options.network)) return;
  check_finality(node);
  choose();
  if (current != node.id()) return;
  if (before) watch_stream(node, *before);
  if (node.connected()) pursue(node);
}

}  // namespace hotside::chain
