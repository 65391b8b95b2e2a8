// What a script can tell the node to do: one row per action (README.md holds the grammar).

#include <algorithm>
#include <array>
#include <charconv>

#include "chainclient/simnode/node.hpp"
#include "proto/model/address.hpp"
#include "proto/wire/hash.hpp"

namespace hotside::simnode {
namespace {

constexpr std::size_t kOutputsPerTx = 99;  // and the change: as many as a node takes
constexpr std::uint64_t kMostPayments = 5000;
constexpr std::uint64_t kMostOversize = 600u << 20;
constexpr std::size_t kMostLag = 200;
constexpr double kLongest = 86'400;  // seconds

Step said(std::string text) { return {Result<std::string>(std::move(text)), 0}; }
Step refused(std::string why) {
  return {Result<std::string>(fail(Fault::rejected, std::move(why))), 0};
}
Result<Task> once(Result<std::string> outcome) {
  return Task([outcome = std::move(outcome)] { return Step{outcome, 0}; });
}

Result<std::uint64_t> number(std::string const& word, std::uint64_t most) {
  auto const value = parse_u64(word);
  if (!value || *value > most)
    return fail(Fault::rejected, "'" + word + "' is no number from 0 to " + std::to_string(most));
  return *value;
}

Result<std::int64_t> amount(std::string const& word) {
  auto const value = parse_i64(word);
  if (!value || *value <= 0) return fail(Fault::rejected, "'" + word + "' is no amount in µSTG");
  return *value;
}

Result<double> decimal(std::string const& word) {
  double value = 0;
  auto const end = word.data() + word.size();
  auto const [stop, error] = std::from_chars(word.data(), end, value);
  if (error != std::errc() || stop != end || !(value >= 0 && value <= kLongest))
    return fail(Fault::rejected, "'" + word + "' is no number from 0 to 86400");
  return value;
}

std::string joined(std::vector<Hash> const& ids) {
  std::string text;
  for (auto const& id : ids) text += (text.empty() ? "" : " ") + id.hex();
  return text;
}

std::chrono::steady_clock::time_point in(double seconds) {
  return std::chrono::steady_clock::now() +
         std::chrono::duration_cast<std::chrono::steady_clock::duration>(
             std::chrono::duration<double>(seconds));
}

}  // namespace

struct Node::Actions {
  struct Row {
    std::string_view name;
    std::size_t least, most;  // words after the name
    Result<Task> (*run)(Node&, Words);
  };
  static std::array<Row, 37> const kRows;
  static Row const* find(std::string_view name) {
    auto const row = std::ranges::find(kRows, name, &Row::name);
    return row == kRows.end() ? nullptr : &*row;
  }

  // Scripts are written before the seed is known: own1 … name the node's addresses by their place.
  static Result<PublicKey> recipient(Node& node, std::string const& word) {
    if (!word.starts_with("own")) return model::parse_address(node.style_.hrp, word);
    auto const& own_keys = node.treasury_.addresses();
    auto const place = parse_u64(word.substr(3)).value_or(0);
    if (place == 0 || place > own_keys.size())
      return fail(Fault::rejected, "'" + word + "': the node's own addresses are own1 to own" +
                                       std::to_string(own_keys.size()));
    return own_keys[place - 1].key;
  }
  static Result<OwnKey const*> own(Node& node, std::string const& word) {
    HS_TRY(key, recipient(node, word));
    auto const* found = node.treasury_.address(key);
    if (!found)
      return fail(Fault::rejected, "the node has no key for " + word + " (see `addresses`)");
    return found;
  }
  static std::string height(Node& node) {
    auto const status = node.status();
    return std::to_string(status.epoch) + " " + std::to_string(status.offset) + " " +
           status.last_block.hex();
  }

  // One block per step, so that what is on its way to clients can leave in between.
  static Result<Task> grow(Node& node, Words words) {
    std::uint64_t left = 1;
    if (!words.empty()) {
      HS_TRY(count, number(words[0], 1'000'000));
      left = count;
    }
    node.paused_ = false;
    return Task([&node, left]() mutable {
      if (left == 0) return said(height(node));
      --left;
      if (auto why = node.grow_one()) return refused(*why);
      return left == 0 ? said(height(node)) : Step{};
    });
  }
  static Result<Task> seal(Node& node, Words) {
    node.paused_ = false;
    auto const epoch = node.chain_.view().epoch();
    return Task([&node, epoch]() {
      if (auto why = node.grow_one()) return refused(*why);
      return node.chain_.view().epoch() > epoch ? said(height(node)) : Step{};
    });
  }
  static Result<Task> seal_without(Node& node, Words words) {
    HS_TRY(key, recipient(node, words[0]));
    auto const pays = [key](wire::RawTransaction const& tx) {
      return std::ranges::any_of(outputs_of(tx), [&key](wire::RawOutput const& output) {
        auto const* open = std::get_if<wire::RawPublicOutput>(&output);
        return open && open->recipient == key;
      });
    };
    auto const& micros = node.chain_.view().micros;
    auto const first = std::ranges::find_if(micros, [&pays](MicroPtr const& micro) {
      return std::ranges::any_of(micro->block.transactions, pays);
    });
    if (first == micros.end())
      return fail(Fault::rejected, "no micro block of this epoch pays " + words[0]);
    auto const depth = static_cast<std::uint32_t>(micros.end() - first);
    if (auto why = node.fork(depth, Mode::keep, true, pays)) return fail(Fault::rejected, *why);
    return seal(node, {});
  }
  static Result<Task> pay(Node& node, Words words) {
    HS_TRY(key, recipient(node, words[0]));
    HS_TRY(value, amount(words[1]));
    std::uint64_t count = 1;
    if (words.size() > 2) {
      HS_TRY(given, number(words[2], kMostPayments));
      count = given;
    }
    std::vector<Wanted> const wanted(count, {key, value, false, std::nullopt});
    return pay_all(node, wanted);
  }
  static Result<Task> pay_many(Node& node, Words words) {
    HS_TRY(count, number(words[0], kMostPayments));
    std::int64_t value = 1'000'000;
    if (words.size() > 1) {
      HS_TRY(given, amount(words[1]));
      value = given;
    }
    bool const is_private = words.size() > 2;
    if (is_private && words[2] != "private")
      return fail(Fault::rejected, "'" + words[2] + "' is not 'private'");
    std::vector<Wanted> wanted;
    for (std::uint64_t i = 0; i < count; ++i)
      wanted.push_back({node.treasury_.stranger(), value, is_private, std::nullopt});
    return pay_all(node, wanted);
  }
  static Result<Task> pay_all(Node& node, std::vector<Wanted> const& wanted) {
    std::vector<Hash> ids;
    for (std::size_t at = 0; at < wanted.size(); at += kOutputsPerTx) {
      auto const end = std::min(at + kOutputsPerTx, wanted.size());
      HS_TRY(some, node.pay({wanted.begin() + static_cast<std::ptrdiff_t>(at),
                             wanted.begin() + static_cast<std::ptrdiff_t>(end)}));
      ids.insert(ids.end(), some.begin(), some.end());
    }
    return once(joined(ids));
  }
  static Result<Task> spend(Node& node, Words words) {
    HS_TRY(key, own(node, words[0]));
    std::optional<std::int64_t> value;
    if (words.size() > 1) {
      HS_TRY(given, amount(words[1]));
      value = given;
    }
    return once(node.spend(*key, value));
  }
  static Result<Task> recreate(Node& node, Words words) {
    HS_TRY(key, own(node, words[0]));
    bool const same = words.size() > 1;
    if (same && words[1] != "same-epoch")
      return fail(Fault::rejected, "recreate ADDRESS [same-epoch]");
    for (auto const& id : node.chain_.public_outputs(key->key)) {
      if (node.mempool_.claimed().contains(id)) continue;
      auto const output = std::get<wire::RawPublicOutput>(*node.chain_.find(id));
      HS_TRY(tx, node.sweep(*key, {id}));
      if (auto why = node.mempool_.admit(tx, node.chain_)) return fail(Fault::rejected, *why);
      node.recreations_.push_back({output, node.chain_.view().epoch() + (same ? 0 : 1)});
      return once(id.hex());
    }
    return fail(Fault::rejected, words[0] + " has no unspent public output");
  }
  static Result<Task> fork(Node& node, Words words) {
    HS_TRY(depth, number(words[0], 10'000));
    auto mode = Mode::move;
    if (words.size() > 1) {
      if (words[1] == "keep")
        mode = Mode::keep;
      else if (words[1] == "drop")
        mode = Mode::drop;
      else if (words[1] != "move")
        return fail(Fault::rejected, "fork DEPTH [keep|drop|move]");
    }
    auto const none = [](wire::RawTransaction const&) { return false; };
    if (auto why = node.fork(static_cast<std::uint32_t>(depth), mode, false, none))
      return fail(Fault::rejected, *why);
    return once(height(node));
  }
  static Result<Task> pop(Node& node, Words words) {
    std::uint64_t count = 1;
    if (!words.empty()) {
      HS_TRY(given, number(words[0], 10'000));
      count = given;
    }
    if (count > node.chain_.view().offset())
      return fail(
          Fault::rejected,
          "the epoch has only " + std::to_string(node.chain_.view().offset()) + " micro blocks");
    for (std::uint64_t i = 0; i < count; ++i) node.pop_one();
    return once(height(node));
  }
  static Result<Task> award(Node& node, Words words) {
    HS_TRY(key, recipient(node, words[0]));
    HS_TRY(value, amount(words[1]));
    node.award_ = Payout{key, value};
    return once(std::string());
  }

  // ---- faults
  static Result<Task> drop_notice(Node& node, Words words) {
    HS_TRY(count, number(words.empty() ? "1" : words[0], 1'000'000));
    node.drop_left_ = count;
    return once(std::string());
  }
  static Result<Task> dup_notice(Node& node, Words words) {
    HS_TRY(count, number(words.empty() ? "1" : words[0], 1'000'000));
    node.dup_left_ = count;
    return once(std::string());
  }
  static Result<Task> stall(Node& node, Words words) {
    HS_TRY(seconds, decimal(words[0]));
    node.stalled_until_ = in(seconds);
    return once(std::string());
  }
  static Result<Task> mute(Node& node, Words words) {
    HS_TRY(seconds, decimal(words[0]));
    node.mute_until_ = in(seconds);
    return once(std::string());
  }
  template <Damage kind>
  static Result<Task> damage(Node& node, Words words) {
    bool const all = !words.empty();
    if (all && words[0] != "all") return fail(Fault::rejected, "'all' or nothing may follow");
    node.damage_ = {kind, !all, all, std::nullopt};
    return once(std::string());
  }
  static Result<Task> good(Node& node, Words) {
    node.damage_ = {};
    node.disguise_.take_off();
    return once(std::string());
  }
  static Result<Task> raw_to_all(Node& node, std::string const& text) {
    for (auto* listener : node.listeners_) listener->send_raw(text);
    return once(std::string());
  }
  static Result<Task> garbage(Node& node, Words) {
    // Base64 that decrypts to nothing: what a changed token looks like.
    return raw_to_all(node, "Z2FyYmFnZWdhcmJhZ2VnYXJiYWdlZ2FyYmFnZWdhcmJhZ2VnYXJiYWdlZ2FyYmFn");
  }
  static Result<Task> short_frame(Node& node, Words) { return raw_to_all(node, "c2hvcnQ="); }
  static Result<Task> oversize(Node& node, Words words) {
    HS_TRY(bytes, number(words[0], kMostOversize));
    JsonWriter json;
    json.begin_object().key("type").string("oversize").key("pad").string(std::string(bytes, 'x'));
    end_message(json, 0);
    return raw_to_all(node, node.cipher_.seal(json.text()));
  }
  static Result<Task> close(Node& node, Words) {
    for (auto* listener : node.listeners_) listener->drop();
    return once(std::string());
  }
  static Result<Task> reset(Node& node, Words words) {
    node.mempool_.clear();
    node.recreations_.clear();
    return close(node, words);
  }
  static Result<Task> lag(Node& node, Words words) {
    HS_TRY(blocks, number(words[0], kMostLag));
    if (blocks > node.log_.size())
      return fail(Fault::rejected,
                  "only " + std::to_string(node.log_.size()) + " steps are remembered");
    node.lag_ = blocks;
    node.refresh_lagged();
    node.deliver_due();
    return once(std::string());
  }
  static Result<Task> unsync(Node& node, Words words) {
    if (words[0] != "on" && words[0] != "off") return fail(Fault::rejected, "unsync on|off");
    node.unsync_ = words[0] == "on";
    return once(std::string());
  }
  static Result<Task> broadcasts(Node& node, Words words) {
    using Habit = BroadcastHabit;
    if (words[0] == "honest")
      node.broadcast_habit_ = Habit::honest;
    else if (words[0] == "rejected")
      node.broadcast_habit_ = Habit::rejecting;
    else if (words[0] == "unanswered")
      node.broadcast_habit_ = Habit::silent;
    else
      return fail(Fault::rejected, "broadcasts honest|rejected|unanswered");
    return once(std::string());
  }
  static Result<Task> other_macro(Node& node, Words words) {
    HS_TRY(epoch, number(words[0], node.chain_.view().epoch() - 1));
    node.disguise_.put_on(node.chain_.view(), epoch, node.rng_);
    return once(node.seen(node.chain_.view().macros[epoch])->hash.hex());
  }
  static Result<Task> other_genesis(Node& node, Words) {
    node.disguise_.put_on(node.chain_.view(), 0, node.rng_);
    return once(node.seen(node.chain_.view().macros[0])->hash.hex());
  }

  // ---- settings and questions
  static Result<Task> epoch_length(Node& node, Words words) {
    HS_TRY(length, number(words[0], 10'000));
    if (length == 0) return fail(Fault::rejected, "an epoch has at least one micro block");
    node.chain_.set_length(static_cast<std::uint32_t>(length));
    node.refresh_lagged();
    return once(std::string());
  }
  static Result<Task> speed(Node& node, Words words) {
    HS_TRY(value, decimal(words[0]));
    node.setup_.speed = value;
    node.paused_ = false;
    return once(std::string());
  }
  static Result<Task> wait(Node&, Words words) {
    HS_TRY(seconds, decimal(words[0]));
    return Task([seconds, waited = false]() mutable {
      if (std::exchange(waited, true)) return said("");
      return Step{std::nullopt, seconds};
    });
  }
  static Result<Task> where(Node& node, Words) { return once(height(node)); }
  static Result<Task> addresses(Node& node, Words) {
    std::string text;
    for (auto const& own_key : node.treasury_.addresses())
      text += (text.empty() ? "" : " ") + model::to_address(node.style_.hrp, own_key.key);
    return once(text);
  }
  static Result<Task> secrets(Node& node, Words) {
    std::string text;
    for (auto const& own_key : node.treasury_.addresses())
      text += (text.empty() ? "" : " ") + own_key.secret.hex();
    return once(text);
  }
  static Result<Task> fatal(Node& node, Words) {
    auto const& why = node.last_fatal_;
    return once("fatal " + std::to_string(node.fatal_) + (why.empty() ? "" : " " + why));
  }
  static Result<Task> mempool(Node& node, Words) {
    return once(std::to_string(node.mempool_.size()));
  }
  static Result<Task> connections(Node& node, Words) {
    return once(std::to_string(node.listeners_.size()));
  }
};

std::array<Node::Actions::Row, 37> const Node::Actions::kRows{{
    {"grow", 0, 1, &grow},
    {"seal", 0, 0, &seal},
    {"seal-without", 1, 1, &seal_without},
    {"pay", 2, 3, &pay},
    {"pay-many", 1, 3, &pay_many},
    {"spend", 1, 2, &spend},
    {"recreate", 1, 2, &recreate},
    {"award", 2, 2, &award},
    {"fork", 1, 2, &fork},
    {"pop", 0, 1, &pop},
    {"drop-notice", 0, 1, &drop_notice},
    {"dup-notice", 0, 1, &dup_notice},
    {"stall", 1, 1, &stall},
    {"mute", 1, 1, &mute},
    {"bad-hash", 0, 1, &damage<Damage::hash>},
    {"bad-root", 0, 1, &damage<Damage::root>},
    {"bad-id", 0, 1, &damage<Damage::id>},
    {"good", 0, 0, &good},
    {"garbage", 0, 0, &garbage},
    {"short-frame", 0, 0, &short_frame},
    {"oversize", 1, 1, &oversize},
    {"close", 0, 0, &close},
    {"reset", 0, 0, &reset},
    {"lag", 1, 1, &lag},
    {"unsync", 1, 1, &unsync},
    {"broadcasts", 1, 1, &broadcasts},
    {"other-macro", 1, 1, &other_macro},
    {"other-genesis", 0, 0, &other_genesis},
    {"epoch-length", 1, 1, &epoch_length},
    {"speed", 1, 1, &speed},
    {"wait", 1, 1, &wait},
    {"height", 0, 0, &where},
    {"addresses", 0, 0, &addresses},
    {"secrets", 0, 0, &secrets},
    {"fatal", 0, 0, &fatal},
    {"mempool", 0, 0, &mempool},
    {"connections", 0, 0, &connections},
}};

bool Node::is_known(std::string const& action) { return Actions::find(action) != nullptr; }

std::string Node::known_actions() {
  std::string text;
  for (auto const& row : Actions::kRows) text += (text.empty() ? "" : ", ") + std::string(row.name);
  return text;
}

Result<Task> Node::task(std::vector<std::string> words) {
  auto const* row = words.empty() ? nullptr : Actions::find(words[0]);
  if (!row)
    return fail(Fault::rejected, "unknown action '" + (words.empty() ? "" : words[0]) +
                                     "'; known: " + known_actions());
  auto const given = words.size() - 1;
  if (given < row->least || given > row->most)
    return fail(Fault::rejected, words[0] + " takes " + std::to_string(row->least) + " to " +
                                     std::to_string(row->most) + " words, not " +
                                     std::to_string(given));
  return row->run(*this, Words(words).subspan(1));
}

Result<wire::RawPayment> Node::sweep(OwnKey const& key, std::vector<Hash> ids,
                                     std::optional<std::int64_t> paid) {
  std::vector<wire::RawOutput> inputs;
  Sum sum = 0;
  for (auto const& id : ids) {
    inputs.push_back(*chain_.find(id));
    sum += std::get<wire::RawPublicOutput>(inputs.back()).amount;
  }
  auto const fee = (paid ? 2 : 1) * kFeePerOutput;
  std::vector<Wanted> outputs{
      {treasury_.own().key, paid.value_or(static_cast<std::int64_t>(sum - fee)), true, {}}};
  if (paid) outputs.push_back({key.key, static_cast<std::int64_t>(sum - fee - *paid), false, {}});
  for (auto const& output : outputs)
    if (output.amount <= 0)
      return fail(Fault::rejected, "only " + to_decimal(sum) + " µSTG there, fee included");
  return treasury_.make(ids, inputs, key.secret, outputs, fee);
}

Result<std::string> Node::spend(OwnKey const& key, std::optional<std::int64_t> paid) {
  std::vector<Hash> ids;
  Sum sum = 0;
  for (auto const& id : chain_.public_outputs(key.key)) {
    if (mempool_.claimed().contains(id)) continue;
    if (ids.size() == 100 || (paid && sum > Sum{*paid} + 2 * kFeePerOutput)) break;
    ids.push_back(id);
    sum += std::get<wire::RawPublicOutput>(*chain_.find(id)).amount;
  }
  if (ids.empty()) return fail(Fault::rejected, "no unspent public output there");
  HS_TRY(tx, sweep(key, ids, paid));
  if (auto why = mempool_.admit(tx, chain_)) return fail(Fault::rejected, *why);
  return joined(ids);
}

}  // namespace hotside::simnode
