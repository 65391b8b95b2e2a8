// Does a node contradict what is final; and, with confirm_nodes above one, do enough of them agree.
// A status that differs is only a suspicion: the macro block itself has to be shown.

#include <utility>

#include "chainclient/chain/follower_impl.hpp"

namespace hotside::chain {

bool Follower::Impl::shows_our_final(NodeView const& node) const {
  auto const& status = *node.link().status;
  auto const stored = tracker.final_hash(status.epoch.previous());
  return !stored || *stored == status.last_macro_block_hash;
}

void Follower::Impl::check_finality(NodeView& node) {
  auto& link = node.link();
  auto const last = link.status->epoch.previous();
  if (tracker.final_hash(last)) {
    if (shows_our_final(node)) {
      link.final_checked = true;
      link.contradicting = false;
    } else {
      confirm(node, last);
    }
    return;
  }
  // It is ahead of us: it must show our last final block once, or know no better than we do.
  auto const final = tracker.final();
  if (link.final_checked || !final || last < *final)
    link.final_checked = true;
  else
    confirm(node, *final);
}

void Follower::Impl::confirm(NodeView& node, Epoch epoch) {
  if (node.owes(Purpose::confirm) || !node.link().confirm.ready(now)) return;
  node.ask(out, AskMacro{epoch}, Purpose::confirm, now);
}

void Follower::Impl::on_confirm_answer(NodeView& node, Pending const& pending, Answer& answer) {
  auto& link = node.link();
  auto const stored = tracker.final_hash(pending.epoch);
  auto const* seen = std::get_if<MacroSeen>(&answer);
  if (auto const* block = std::get_if<Unusable>(&answer)) out.refused(block->reason);
  if (seen == nullptr || seen->block.epoch != pending.epoch || !stored) {
    link.confirm.fail(now);
    return;
  }
  if (seen->block.hash == *stored) {
    bool const was_checked = std::exchange(link.final_checked, true);
    link.contradicting = false;
    if (!was_checked) {
      link.confirm.reset();
      ask_status(node);
      return;
    }
    link.confirm.fail(now);
    out.log(Log::Level::warn, "node " + node.name() + ": its status names another last macro " +
                                  "block than it shows; not believed");
    return;
  }
  link.contradicting = true;
  link.final_checked = false;
  link.confirm.fail(now);
  if (tracker.violate({model::ViolationKind::macro_block, pending.epoch, *stored, seen->block.hash,
                       node.name()})) {
    stop_pulls();
    out.log(Log::Level::error, "node " + node.name() + " shows macro block " +
                                   std::to_string(pending.epoch.value) + " as " +
                                   seen->block.hash.hex() + ", stored is " + stored->hex());
  }
}

// ---- confirm_nodes
// -------------------------------------------------------------------------------

void Follower::Impl::ask_agreement() {
  if (options.confirm_nodes <= 1) return;
  for (auto& node : nodes) {
    if (node.id() == current || !node.is_fit(options.network)) continue;
    auto& link = node.link();
    link.shown.erase(link.shown.begin(), link.shown.lower_bound(tracker.next()));
    if (!link.agree.ready(now)) continue;
    for (auto const epoch : macros.waiting()) {
      bool const is_known = link.shown.contains(epoch) && !link.disagreement;
      if (is_known || link.status->epoch <= epoch || !node.can_ask()) continue;
      if (!link.showing.insert(epoch).second) continue;
      node.ask(out, AskMacro{epoch}, Purpose::agree, now);
    }
    // Who is wrong is not known: the followed one is asked again as well.
    if (link.disagreement) {
      link.agree.fail(now);
      macros.drop(tracker.next());
    }
  }
}

void Follower::Impl::on_agree_answer(NodeView& node, Pending const& pending, Answer& answer) {
  auto& link = node.link();
  link.showing.erase(pending.epoch);
  if (auto const* seen = std::get_if<MacroSeen>(&answer);
      seen != nullptr && seen->block.epoch == pending.epoch) {
    if (pending.epoch >= tracker.next()) link.shown[pending.epoch] = seen->block.hash;
  } else {
    if (auto const* block = std::get_if<Unusable>(&answer)) out.refused(block->reason);
    link.agree.fail(now);
  }
  if (auto* node_followed = followed()) advance_macros(*node_followed);
}

bool Follower::Impl::is_agreed(model::MacroBlock const& block) {
  if (options.confirm_nodes <= 1) return true;
  std::uint32_t agreed = 1;
  bool is_disputed = false;
  for (auto& node : nodes) {
    if (node.id() == current || !node.is_fit(options.network)) continue;
    auto& link = node.link();
    auto const shown = link.shown.find(block.epoch);
    if (shown == link.shown.end()) continue;
    if (shown->second == block.hash) {
      ++agreed;
      if (std::exchange(link.disagreement, std::nullopt)) link.agree.reset();
      continue;
    }
    is_disputed = true;
    if (link.disagreement) continue;
    link.disagreement = "shows " + place_text(block.epoch, std::nullopt) + " as " +
                        shown->second.hex() + ", " + nodes[*current].name() + " shows " +
                        block.hash.hex();
    link.agree.fail(now);
    out.log(Log::Level::error, "node " + node.name() + " " + *link.disagreement);
  }
  return !is_disputed && agreed >= options.confirm_nodes;
}

}  // namespace hotside::chain
