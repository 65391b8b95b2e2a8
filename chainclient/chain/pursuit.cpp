// What the followed node has that we lack, and what its notices mean.

#include <utility>

#include "chainclient/chain/follower_impl.hpp"
#include "proto/base/invariant.hpp"

namespace hotside::chain {
namespace {

constexpr std::size_t kMicrosInFlight = 16;
constexpr std::chrono::seconds kFailingFor(60);
constexpr unsigned kFailuresUntilFailing = 5;
constexpr int kBrokenUntilRefused = 4;  // times in a row that one block was read and did not link
constexpr unsigned kSilentPolls = 5;
constexpr std::chrono::seconds kRenewalsApart(60);

}  // namespace

void Follower::Impl::stop_pulls() {
  macros.reset();
  micros.reset();
}

// ---- after a status answer
// -----------------------------------------------------------------------

void Follower::Impl::pursue(NodeView& node) {
  auto const& status = *node.link().status;
  if (tracker.violated() || !node.is_fit(options.network)) return;
  if (!find_anchor(node)) return;
  if (!tracker.started() && status.epoch == tracker.next() && tracker.next() > Epoch(0) &&
      status.last_macro_block_hash != tracker.sealed_hash()) {
    stop_pulls();
    tracker.drop_anchor();  // nothing was taken in yet: read the start once more
    return;
  }
  if (!shows_our_final(node)) return;  // check_finality has asked
  if (status.epoch > tracker.next()) {
    micros.reset();
    macros.aim(status.epoch.previous());
    return;
  }
  if (status.epoch < tracker.next()) return;
  subscribe(node);
  pursue_tip(node);
}

void Follower::Impl::pursue_tip(NodeView& node) {
  auto& link = node.link();
  auto const count = link.status->offset.value;
  auto const& tip = link.status->last_block_hash;
  // An answer from before a take-back says nothing about the blocks that were taken back.
  bool const is_fresh = link.status_id > hold_mark;
  if (count <= tracker.total() && tracker.hash_at(count) == tip) {
    micros.reset();
    if (count < tracker.live()) {  // it lags, or answers from an older state: wait
      if (!link.below_since) link.below_since = now;
      return;
    }
    link.below_since.reset();
    link.pulls.reset();
    if (bad && bad->offset) bad.reset();
    if (count > tracker.live()) {
      if (is_fresh) {
        tracker.give_back(count);
        out.reconciled("returned");
      }
    } else if (is_fresh && tracker.undo_due(now, options.revert_grace)) {
      tracker.undo();
      out.reconciled("undone");
    }
    flush();
    return;
  }
  link.below_since.reset();
  if (count == 0) {
    pull_failed(node, "its status names another tip than the last macro block at offset 0");
    return;
  }
  if (!link.pulls.ready(now) || !link.blocks.ready(now)) return;
  micros.aim(tracker, count, tip);
  advance_micros(node);
}

bool Follower::Impl::find_anchor(NodeView& node) {
  if (tracker.anchored()) return true;
  auto const start = options.start_epoch;
  if (start == Epoch(0)) {
    tracker.set_anchor(start, model::before_genesis());
    return true;
  }
  auto const& link = node.link();
  bool const may_ask = link.blocks.ready(now) && link.pulls.ready(now);
  if (link.status->epoch >= start && may_ask && !node.owes(Purpose::anchor))
    node.ask(out, AskMacro{start.previous()}, Purpose::anchor, now);
  return false;
}

void Follower::Impl::on_anchor_answer(NodeView& node, Pending const& pending, Answer& answer) {
  if (tracker.anchored() || current != node.id() || tracker.violated()) return;
  auto const start = options.start_epoch;
  auto const& status = *node.link().status;
  if (auto const* block = std::get_if<Unusable>(&answer)) return refuse_block(node, *block);
  auto const* seen = std::get_if<MacroSeen>(&answer);
  if (seen != nullptr && seen->block.epoch == pending.epoch) {
    tracker.set_anchor(start, pending.epoch == start ? seen->block.previous : seen->block.hash);
  } else if (status.epoch == start) {
    tracker.set_anchor(start, status.last_macro_block_hash);
  } else if (pending.epoch < start) {
    node.ask(out, AskMacro{start}, Purpose::anchor, now);
    return;
  } else {
    return pull_failed(node, "it does not show where the chain starts");
  }
  ask_status(node);
}

void Follower::Impl::subscribe(NodeView& node) {
  bool const has_stream =
      node.generation == model::Generation::v1_2_2 || node.generation == model::Generation::dev;
  // Once per connection: a second one would add a stream on dev that nothing ends.
  if (!has_stream || std::exchange(node.link().subscribed, true)) return;
  node.ask(out, AskSubscribe{tracker.next(), Offset(0)}, Purpose::subscribe, now);
}

// On v1.2.2 a stream may go silent without a word; only a new connection brings a new one.
void Follower::Impl::watch_stream(NodeView& node, Status const& before) {
  auto& link = node.link();
  if (!link.subscribed || node.generation != model::Generation::v1_2_2) return;
  bool const was_noticed = std::exchange(link.noticed, false);
  bool const has_moved = link.status->epoch != before.epoch ||
                         link.status->offset != before.offset ||
                         link.status->last_block_hash != before.last_block_hash;
  if (has_moved && !was_noticed) ++link.silent_polls;
  if (link.silent_polls < kSilentPolls) return;
  if (node.renewed_at && now - *node.renewed_at < kRenewalsApart) return;
  node.renewed_at = now;
  out.reconciled("silent");
  drop(node, "the chain moves on but its notices do not come");
}

// ---- pulling
// -------------------------------------------------------------------------------------

void Follower::Impl::fetch(NodeView& node) {
  if (!node.connected() || !tracker.anchored()) return;
  ask_agreement();
  advance_macros(node);
  auto const& link = node.link();
  if (!node.is_fit(options.network) || !link.blocks.ready(now) || !link.pulls.ready(now)) return;
  for (auto const epoch : macros.wanted(tracker.next())) {
    if (!node.can_ask()) return;
    macros.asked(node.ask(out, AskMacro{epoch}, Purpose::macro, now), epoch);
  }
  for (auto const offset : micros.wanted(kMicrosInFlight)) {
    if (!node.can_ask()) return;
    micros.asked(node.ask(out, AskMicro{tracker.next(), offset}, Purpose::micro, now), offset);
  }
}

void Follower::Impl::on_macro_answer(NodeView& node, RequestId id, Pending const& pending,
                                     Answer& answer) {
  if (current != node.id() || !macros.forget(id) || tracker.violated()) return;
  if (auto const* block = std::get_if<Unusable>(&answer)) return refuse_block(node, *block);
  auto* seen = std::get_if<MacroSeen>(&answer);
  if (seen == nullptr) {
    macros.reset();
    return pull_failed(node, "it does not give " + place_text(pending.epoch, std::nullopt));
  }
  auto& block = seen->block;
  if (block.epoch != pending.epoch)
    return refuse_block(node, {true, pending.epoch, std::nullopt, block.hash,
                               "the answer is a block of another epoch", "place"});
  macros.accept(std::move(block), seen->wire_bytes);
  advance_macros(node);
}

void Follower::Impl::advance_macros(NodeView& node) {
  bool has_sealed = false;
  while (!tracker.violated() && tracker.anchored()) {
    auto const* block = macros.block(tracker.next());
    if (block == nullptr) break;
    bool const is_genesis = block->epoch == Epoch(0);
    if (block->previous != tracker.sealed_hash() ||
        (is_genesis && block->hash != *options.network.genesis)) {
      Unusable const unlinked{true,
                              block->epoch,
                              std::nullopt,
                              block->hash,
                              "it does not follow the last final block",
                              "unlinked"};
      if (auto const final = tracker.final()) confirm(node, *final);
      if (!tracker.started()) tracker.drop_anchor();
      return refuse_block(node, unlinked);
    }
    if (!is_agreed(*block)) break;
    auto const taken = tracker.seal(macros.take(tracker.next()));
    invariant(taken == Taken::sealed, "a linked macro block of the next epoch seals it");
    macros.sealed(tracker.next());
    has_sealed = true;
  }
  if (!has_sealed) return;
  micros.reset();
  flush();
  if (!macros.active()) ask_status(node);  // the new epoch may have blocks already
}

void Follower::Impl::on_micro_answer(NodeView& node, RequestId id, Pending const& pending,
                                     Answer& answer) {
  if (current != node.id() || !micros.forget(id) || tracker.violated()) return;
  if (auto const* block = std::get_if<Unusable>(&answer)) return refuse_block(node, *block);
  auto* seen = std::get_if<MicroSeen>(&answer);
  if (seen == nullptr) {
    micros.reset();
    return pull_failed(node, "it does not give " + place_text(pending.epoch, pending.offset));
  }
  auto& block = seen->block;
  if (block.epoch != pending.epoch || block.offset != pending.offset)
    return refuse_block(node, {false, pending.epoch, pending.offset, block.hash,
                               "the answer is a block of another place", "place"});
  micros.accept(std::move(block));
  advance_micros(node);
}

void Follower::Impl::advance_micros(NodeView& node) {
  bool const was_forked = micros.forked();
  auto const step = micros.advance(tracker);
  if (micros.forked() && !was_forked) out.reconciled("fork");
  flush();
  switch (step) {
    case MicroPull::Step::waiting:
      return;
    case MicroPull::Step::done:
      micros.reset();
      return ask_status(node);
    case MicroPull::Step::moved:
      return moved(node);
    case MicroPull::Step::unlinked:
      return refuse_block(node, {false, tracker.next(), Offset(0), std::nullopt,
                                 "it does not follow the last final block", "unlinked"});
  }
}

// Once is a chain that moved while it was read. The same block again and again is one that does not
// follow from the one before it.
void Follower::Impl::moved(NodeView& node) {
  auto const unlinked = micros.unlinked();
  micros.reset();
  out.reconciled("moved");
  bool const is_same = unlinked && broken && broken->block == unlinked->hash;
  if (!is_same) broken.reset();
  if (unlinked && !is_same) broken = Broken{unlinked->hash, 0};
  if (broken && ++broken->times >= kBrokenUntilRefused)
    return refuse_block(node, {false, unlinked->epoch, unlinked->offset, unlinked->hash,
                               "it does not follow the block before it", "unlinked"});
  pull_failed(node, "the chain moved while it was read");
}

// A block that cannot be taken in stops us where we are, visibly: it is asked for again, of another
// node if there is one.
void Follower::Impl::refuse_block(NodeView& node, Unusable const& block) {
  auto& link = node.link();
  link.blocks.fail(now);
  link.status_due = std::min(link.status_due, link.blocks.until());
  node.failing_until = now + kFailingFor;
  stop_pulls();
  out.refused(block.reason);
  auto const place = place_text(block.epoch, block.is_macro ? std::nullopt : block.offset);
  out.log(Log::Level::error, "node " + node.name() + ": " + place + " " +
                                 (block.hash ? block.hash->hex() : std::string("without a hash")) +
                                 " is refused: " + block.what);
  bool const is_same = bad && bad->epoch == block.epoch && bad->offset == block.offset;
  bad = model::BadBlock{node.name(), block.epoch, block.offset,
                        block.hash,  block.what,  is_same ? bad->since : wall_at(now)};
}

void Follower::Impl::pull_failed(NodeView& node, std::string const& why) {
  auto& link = node.link();
  link.pulls.fail(now);
  link.status_due = std::min(link.status_due, link.pulls.until());
  if (link.pulls.failures() >= kFailuresUntilFailing) node.failing_until = now + kFailingFor;
  out.log(Log::Level::debug, "node " + node.name() + ": " + why);
}

void Follower::Impl::took_in(NodeView& node) {
  node.failing_until.reset();
  if (node.connected()) {
    node.link().pulls.reset();
    node.link().blocks.reset();
  }
  if (!bad) return;
  bool const is_past =
      bad->epoch < tracker.next() ||
      (bad->epoch == tracker.next() && bad->offset && bad->offset->value < tracker.total());
  if (is_past) bad.reset();
}

// ---- notices
// -------------------------------------------------------------------------------------

void Follower::Impl::on_notice(NodeView& node, Notice& notice) {
  auto& link = node.link();
  if (auto* macro = std::get_if<MacroSeen>(&notice)) {
    link.noticed = true;
    link.silent_polls = 0;
    return on_macro_notice(node, *macro);
  }
  if (auto const* block = std::get_if<Unusable>(&notice)) {
    out.refused(block->reason);
    return ask_status(node);
  }
  if (std::holds_alternative<Status>(notice)) return ask_status(node);
  link.noticed = true;
  link.silent_polls = 0;
  if (current != node.id() || tracker.violated() || !tracker.anchored()) return;
  if (!node.is_fit(options.network)) return;
  if (auto* micro = std::get_if<MicroSeen>(&notice)) return on_micro_notice(node, micro->block);
  auto const& back = std::get<MicroReverted>(notice);
  micros.reset();  // answers on their way may be from before
  if (tracker.hold(back.epoch, back.offset, back.hash, now)) {
    hold_mark = out.last_id();
    flush();
  } else {
    ask_status(node);
  }
}

void Follower::Impl::on_micro_notice(NodeView& node, model::MicroBlock& block) {
  auto const at = block.offset.value;
  bool const is_here = block.epoch == tracker.next() && at < kMicroBlocksPerEpoch;
  bool const is_known = is_here && at < tracker.live() && tracker.hash_at(at + 1) == block.hash;
  if (is_known) return;
  bool const is_held = is_here && at >= tracker.live() && at < tracker.total() &&
                       tracker.hash_at(at + 1) == block.hash;
  bool const is_next =
      is_here && at == tracker.live() && block.previous == tracker.hash_at(tracker.live());
  if (!is_held && !is_next) return ask_status(node);
  tracker.connect(std::move(block));
  flush();
}

void Follower::Impl::on_macro_notice(NodeView& node, MacroSeen& seen) {
  auto& block = seen.block;
  if (!node.is_of(options.network) || tracker.violated()) return;
  if (auto const stored = tracker.final_hash(block.epoch);
      stored && (tracker.started() || block.epoch > Epoch(0)) && block.epoch < tracker.next()) {
    if (*stored != block.hash) confirm(node, block.epoch);
    return;
  }
  if (current != node.id() || !tracker.anchored() || !node.is_fit(options.network)) return;
  if (block.epoch != tracker.next() || block.previous != tracker.sealed_hash())
    return ask_status(node);
  macros.accept(std::move(block), seen.wire_bytes);
  advance_macros(node);
}

}  // namespace hotside::chain
