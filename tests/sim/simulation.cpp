// What happens: each action draws everything random in it from its own number.

#include "tests/sim/simulation.hpp"

#include <algorithm>
#include <utility>

#include "proto/model/address.hpp"

namespace hotside::sim {

using namespace std::chrono_literals;
using chain::Generation;

Simulation::Simulation(Script const& script, Ground& ground, Coverage& coverage)
    : script_(script),
      ground_(ground),
      coverage_(coverage),
      dice_(script.setup),
      world_(dice_),
      contents_(world_),
      shadow_("stt", 1) {
  reset_sqlite_randomness();
  clock_.set(0);
  for (std::uint64_t key = 0; key < Contents::kEverybody; ++key)
    addresses_[model::to_address("stt", test::key_of(key))] = plain(test::key_of(key));
  world_.macros.front().hash = test::bytes_of<Hash>(0, 99);
  world_.fill_macro(world_.macros.front());
  for (auto count = dice_.below(4); count > 0; --count) world_.seal();

  follower_options_.network = world_.network();
  follower_options_.start_epoch =
      Epoch(dice_.one_in(3) ? dice_.below(world_.macros.size() + 1) : 0);
  follower_options_.revert_grace = 1s * (1 + static_cast<int>(dice_.below(8)));
  follower_options_.pipeline_bytes = 500U << dice_.below(6);
  auto const count = 1 + dice_.below(3);
  follower_options_.confirm_nodes =
      dice_.one_in(5) ? static_cast<std::uint32_t>(1 + dice_.below(count)) : 1;
  for (std::size_t at = 0; at < count; ++at) {
    follower_options_.nodes.push_back("n" + std::to_string(at));
    constexpr Generation kinds[] = {Generation::v1_2_2, Generation::v1_2_2, Generation::dev,
                                    Generation::v1_3};
    nodes_.emplace_back(kinds[dice_.below(4)], world_, dice_);
    muted_.push_back(false);
    ++coverage_["node of " + std::string(model::to_string(nodes_.back().generation()))];
  }
  constexpr std::size_t inboxes[] = {4, 16, 512}, batches[] = {1, 1, 3, 64},
                        rows[] = {1, 20, 99999};
  writer_options_.inbox_events = inboxes[dice_.below(3)];
  writer_options_.batch_events = batches[dice_.below(4)];
  writer_options_.batch_rows = rows[dice_.below(3)];
  constexpr std::size_t portions[] = {1, 2, 7, 10'000};
  writer_options_.released_events = portions[dice_.below(4)];
  shadow_ = Shadow("stt", writer_options_.released_events);
  constexpr std::int64_t pages[] = {1, 4, 16, 100};
  open_options_.checkpoint_pages = pages[dice_.below(4)];
  open_options_.cache_bytes = 1 << 20;

  disk_.mount();
  // Sometimes the store itself is made here, and may be interrupted in that.
  if (!dice_.one_in(10)) disk_.copy(ground.made());
  if (dice_.one_in(10)) disk_.stop_at(1 + dice_.below(60));
  is_power_ = dice_.one_in(2);
}

Simulation::~Simulation() { close(); }

void Simulation::run() {
  start();
  make_receivers();
  register_some();
  for (auto& node : nodes_)
    if (!dice_.one_in(4)) connect(node);
  for (auto const& action : script_.actions) {
    ++at_;
    dice_ = Dice(action.seed);
    ++coverage_["action: " + std::string(to_string(action.act))];
    act(action.act);
    if (dice_.one_in(2)) move();
  }
  quiesce(dice_.one_in(3));
  if (dice_.one_in(3)) quiesce(false), check_take_back();
  if (dice_.one_in(12)) quiesce(false), check_stall();
  // Once more with everything final and told, and after a restart.
  submit(LiftHold{});
  register_some();
  contents_.make_sealable();
  world_.seal();
  quiesce(false);
  stop();
  quiesce(false);
  ++coverage_["histories"];
  coverage_["disk: writes"] += disk_.writes();
  coverage_["disk: writes lost"] += disk_.lost();
  coverage_["disk: writes torn"] += disk_.torn();
  coverage_["chain: service awards"] += contents_.awards;
  coverage_["chain: spent and created again"] += contents_.created_again;
  coverage_["chain: created and spent within an epoch"] += contents_.spent_within;
}

void Simulation::act(Act act) {
  if (act <= Act::swap) return act_on_chain(act);
  if (act <= Act::mute) return act_on_node(act);
  if (act <= Act::wait) {
    if (act == Act::cut) return cut(any_node());
    if (act == Act::spoil) return spoil();
    if (act == Act::talk) return talk(1 + dice_.below(20));
    if (act == Act::move) return move();
    for (auto left = dice_.below(dice_.one_in(3) ? 700 : 80); left > 0; --left) {
      if (dice_.one_in(4)) serve(any_node(), 8);
      pass(200);
    }
    return;
  }
  if (act <= Act::bad_disk) return act_on_service(act);
  act_for_people(act);
}

void Simulation::act_on_chain(Act act) {
  auto const ends = [this] {
    contents_.make_sealable();
    world_.seal();
  };
  contents_.remember();
  bool const has_blocks = !world_.micros.empty();
  if (act == Act::grow)
    for (auto count = 1 + dice_.below(4); count > 0; --count) world_.grow();
  if (act == Act::full)
    while (world_.grow()) {
    }
  if ((act == Act::fork || act == Act::swap) && has_blocks) world_.fork();
  if (act == Act::drop) world_.micros.resize(dice_.below(world_.micros.size() + 1));
  if (act == Act::swap && dice_.one_in(2))
    world_.micros.resize(dice_.below(world_.micros.size() + 1));
  if (act == Act::seal || act == Act::swap) ends();
  if (act != Act::rush) return;
  for (auto count = 1 + dice_.below(8); count > 0; --count) {
    for (auto blocks = dice_.below(3); blocks > 0; --blocks) world_.grow();
    ends();
  }
}

void Simulation::act_on_node(Act act) {
  auto const which = dice_.below(nodes_.size());
  auto& node = nodes_[which];
  if (act == Act::step)
    for (auto steps = 1 + dice_.below(70); steps > 0 && node.step(); --steps) {
    }
  if (act == Act::level)
    for (auto& each : nodes_)
      while (each.step()) {
      }
  if (act == Act::pop)
    for (auto count = 1 + dice_.below(5); count > 0; --count) node.pop();
  if (act == Act::rewind && !node.is_forged()) {
    cut(node);
    node.rewind(1 + dice_.below(world_.macros.size()), dice_.below(6));
  }
  if (act == Act::freeze) node.freeze();
  if (act == Act::thaw) node.thaw();
  if (act == Act::desync) node.synchronised = !dice_.one_in(3);
  if (act == Act::garble) node.garbles = dice_.one_in(2);
  if (act == Act::mute) muted_[which] = dice_.one_in(2);
  if (act == Act::forge) forge(node);
  if (act != Act::repent || !node.is_forged()) return;
  cut(node);
  node.repent();
  submit(Clear{});
}

// From a final epoch on: whoever shows one first is believed, there is nothing to compare with. Of
// several that must agree, one may also lie about the next.
void Simulation::forge(Node& node) {
  auto const final = shadow_.final();
  auto const start = follower_options_.start_epoch.value;
  if (!final || final->value <= start || was_forged_now()) return;
  cut(node);
  while (node.step()) {
  }
  bool const is_next = follower_options_.confirm_nodes > 1 && dice_.one_in(2);
  auto const from = is_next ? final->value + 1 : final->value - dice_.below(final->value - start);
  node.forge(Epoch(from), dice_.below(4));
  if (!node.is_forged()) return;
  was_forged_ = true;
  forged_from_ = Epoch(from);
  if (is_next) ++coverage_["one of several lies about the next epoch"];
}

bool Simulation::was_forged_now() const {
  return std::any_of(nodes_.begin(), nodes_.end(),
                     [](auto const& each) { return each.is_forged(); });
}

void Simulation::act_on_service(Act act) {
  is_power_ = act == Act::power;
  auto const soon = 1 + dice_.below(dice_.one_in(3) ? 300 : 40);
  if (act == Act::stop) return stop();
  if (act == Act::kill || act == Act::power) return disk_.stop_at(soon);
  ++coverage_[act == Act::full_disk ? "disk: full" : "disk: fails"];
  disk_.fail_from(soon, 1 + dice_.below(30), act == Act::full_disk);
}

void Simulation::act_for_people(Act act) {
  if (act == Act::add) return register_some();
  if (act == Act::retire) return submit(Retire{test::key_of(dice_.below(Contents::kKeys))});
  if (act == Act::clear) return submit(Clear{});
  if (act == Act::hold) return submit(SetHold{});
  if (act == Act::lift) return submit(LiftHold{});
  if (act == Act::relay) return relay_one();
  if (act == Act::hook) return change_a_hook();
  if (act == Act::order) return order_some();
  if (act == Act::release) return release_one();
  if (act == Act::sign) return sign_one();
  if (act == Act::answer) return answer_one();
  if (act == Act::crash) return exchange_.crash(dice_);
  if (act == Act::backup) return exchange_.backup(dice_);
  if (act == Act::doubt) return exchange_.doubt(dice_);
  if (stuck_ == nullptr || dice_.one_in(2)) {
    stuck_.reset();
    stuck_ = snapshot(1);
  }
  exchange_.poll(*stuck_, dice_, 1 + dice_.below(6));
  if (!dice_.one_in(3)) stuck_.reset();
}

void Simulation::register_some() {
  Register job;
  for (auto count = 1 + dice_.below(2); count > 0; --count) {
    auto const key = dice_.below(Contents::kKeys);
    model::NewAddress address;
    address.key = test::key_of(key);
    if (dice_.one_in(2)) address.reference = "user-" + std::to_string(key);
    auto const same = [&](auto const& each) { return each.key == address.key; };
    if (std::none_of(job.addresses.begin(), job.addresses.end(), same))
      job.addresses.push_back(std::move(address));
  }
  submit(std::move(job));
}

// ---- the network

chain::NodeId Simulation::id_of(Node const& node) const {
  chain::NodeId id = 0;
  while (&nodes_[id] != &node) ++id;
  return id;
}

void Simulation::connect(Node& node) {
  node.connected = true;
  follower_->on_connected(id_of(node), instant());
  drain();
}

void Simulation::cut(Node& node) {
  if (!node.connected) return;
  node.disconnect();
  follower_->on_lost(id_of(node), "closed", instant());
  drain();
}

// A notice that is on its way, of whoever has one.
void Simulation::spoil() {
  std::vector<std::pair<Node*, std::size_t>> notices;
  for (auto& node : nodes_)
    for (std::size_t at = 0; at < node.wire.size(); ++at)
      if (node.wire[at].id == 0) notices.emplace_back(&node, at);
  if (notices.empty()) return;
  auto const [node, at] = notices[dice_.below(notices.size())];
  auto const told = node->wire.begin() + static_cast<std::ptrdiff_t>(at);
  auto const kind = dice_.below(5);
  static constexpr char const* kNames[] = {"lost", "doubled", "reordered", "late", "overflow"};
  ++coverage_[std::string("notice ") + kNames[kind]];
  if (kind == 0) node->wire.erase(told);
  if (kind == 1) node->wire.push_back(Node::Told(*told));
  if (kind == 2) std::swap(*told, node->wire[dice_.below(node->wire.size())]);
  if (kind == 3) {
    auto late = std::move(*told);
    node->wire.erase(told);
    node->wire.push_back(std::move(late));
  }
  if (kind == 4) std::erase_if(node->wire, [](auto const& entry) { return entry.id == 0; });
}

void Simulation::deliver(Node& node) {
  if (!node.connected || node.wire.empty()) return;
  if (!writer_->room()) {  // nothing more is read until there is
    work();
    return;
  }
  auto told = std::move(node.wire.front());
  node.wire.pop_front();
  if (told.id != 0) {
    auto answer = std::get<chain::Answer>(std::move(told.what));
    if (auto const* status = std::get_if<chain::Status>(&answer)) {
      status_now_ = *status;
      status_id_ = told.id;
      tips_.push_back(status->last_block_hash);
      heard_[id_of(node)].at = instant();
    }
    if (auto const* seen = std::get_if<chain::MacroSeen>(&answer))
      shown_[seen->block.hash].insert(id_of(node));
    follower_->on_answer(id_of(node), told.id, std::move(answer), instant());
  } else {
    auto notice = std::get<chain::Notice>(std::move(told.what));
    if (auto const* back = std::get_if<chain::MicroReverted>(&notice)) taken_back_ = back->hash;
    if (auto const* seen = std::get_if<chain::MacroSeen>(&notice))
      shown_[seen->block.hash].insert(id_of(node));
    follower_->on_notice(id_of(node), std::move(notice), instant());
  }
  drain();
  status_now_.reset();
  taken_back_.reset();
  check_replaced(told.id != 0);
  if (!submitted_.empty() && dice_.one_in(3)) work();
}

void Simulation::serve(Node& node, std::uint64_t count) {
  if (muted_[id_of(node)]) return;
  for (; count > 0 && node.connected; --count) {
    node.serve();
    deliver(node);
  }
}

void Simulation::talk(std::uint64_t rounds) {
  auto& node = any_node();
  auto const steps = dice_.one_in(2) ? 60U : 0U;
  for (auto left = steps; left > 0 && node.step(); --left) {
  }
  for (; rounds > 0; --rounds) {
    if (!node.connected) connect(node);
    serve(node, 20);
    pass(dice_.below(400));
  }
}

void Simulation::move() {
  auto& node = any_node();
  switch (dice_.below(6)) {
    case 0:
      if (!node.connected) connect(node);
      break;
    case 1:
      serve(node, 1);
      break;
    case 2:
      serve(node, dice_.below(20));
      break;
    case 3:
      for (auto count = 1 + dice_.below(30); count > 0 && !muted_[id_of(node)]; --count)
        deliver(node);
      break;
    case 4:
      work();
      break;
    default:
      pass(1 + dice_.below(dice_.one_in(10) ? 4000 : 300));
  }
}

void Simulation::pass(std::uint64_t ms) {
  clock_.advance(static_cast<std::int64_t>(ms));
  if (writer_->room()) {
    follower_->on_tick(instant(), clock_.now());
    drain();
  } else {
    blocked_ += std::chrono::milliseconds(ms);
  }
  dispatch();
  bool const has_work = !submitted_.empty() || !jobs_.empty() || shadow_.hold().is_releasing();
  if (has_work && !dice_.one_in(3)) work();
}

}  // namespace hotside::sim
