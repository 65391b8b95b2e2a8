#pragma once
// A naive second reading of product.md section 1 and stegos-protocol.md 6, to compare with: it
// remembers what was taken in and works everything out again from nothing each time it is asked.
// Nothing of the product is used here, and ids are plain strings, so that it cannot share a mistake
// with what it judges.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace hotside::sim::oracle {

using Id = std::string;
using EpochNo = std::uint64_t;

struct Payment {
  Id id, to;
  std::int64_t serno = 0, amount = 0;
};
struct Transaction {
  std::optional<Id> hash;
  std::vector<Id> spends;
  std::vector<Payment> pays;
};
struct Micro {
  unsigned offset = 0;
  Id hash;
  std::int64_t time = 0;
  std::vector<Transaction> transactions;
};
struct Macro {
  EpochNo epoch = 0;
  Id hash;
  std::int64_t time = 0;
  std::set<Id> spends, makes;  // makes: all outputs, private ones too
  std::vector<Payment> pays;
};

// What has become of an output, as far as the blocks tell.
enum class Fate { unknown, unspent, prepared, spent };

enum class State { prepared, reverted, committed };
enum class Spend { unspent, prepared, spent };

struct Row {
  Id utxo, to;
  EpochNo epoch = 0;
  std::int64_t serno = 0, amount = 0;
  State state = State::prepared;
  Spend spend = Spend::unspent;
  std::optional<unsigned> offset;
  Id block;
  std::optional<Id> transaction;
  std::int64_t block_time = 0, first_seen = 0;
  std::optional<std::int64_t> committed_at;
  bool retired = false;

  bool operator==(Row const&) const = default;
};
using Key = std::pair<Id, EpochNo>;
using Rows = std::map<Key, Row>;

struct Told {
  std::string type;
  Row row;  // as of this event
  bool backfill = false;
};

// When a public payment was first seen, and when its epoch ended (-1: it has not).
struct Moment {
  Id id;
  EpochNo epoch = 0;
  std::int64_t first_seen = 0, sealed_at = -1;
  auto operator<=>(Moment const&) const = default;
};
using Moments = std::set<Moment>;

// A public payment that is final.
struct Final {
  Payment payment;
  EpochNo epoch = 0;
  std::optional<EpochNo> spent_in;
};

class Book {
 public:
  explicit Book(EpochNo first = 0) : first_(first) {}

  // What was taken in, at `now` by the clock of whoever took it in. Throws std::logic_error when
  // something final would change: that is nobody's right.
  void connected(Micro block, std::int64_t now);
  void undone(unsigned from, std::int64_t now);
  void sealed(Macro block, std::int64_t now);
  void registered(std::set<Id> const& addresses, std::int64_t now);
  void retired(Id const& address) { addresses_[address] = true; }

  EpochNo first() const { return first_; }
  Macro const& macro(EpochNo epoch) const { return finals_.at(epoch - first_).block; }
  Fate fate(Id const& id) const;
  EpochNo epoch() const { return first_ + finals_.size(); }  // the one being built
  std::vector<Micro> const& list() const { return list_; }
  bool has(Id const& address) const { return addresses_.contains(address); }
  bool is_retired(Id const& address) const {
    return addresses_.contains(address) && addresses_.at(address);
  }
  std::size_t addresses() const { return addresses_.size(); }
  Rows const& rows() const { return rows_; }
  std::vector<Final> finals() const;
  Moments moments() const;  // of all payments, whoever they are to
  std::vector<Told> take() { return std::exchange(told_, {}); }

 private:
  struct Sight {  // of a payment in micro blocks of one epoch, also of those that are gone
    unsigned offset = 0;
    std::optional<Id> transaction;
    std::int64_t block_time = 0, first_seen = 0;
  };
  using Sights = std::map<Id, Sight>;
  struct Closed {
    Macro block;
    std::int64_t at = 0;
    Sights sights;
  };

  void place();
  Rows standing() const;
  void stand(Rows& rows, std::map<Id, EpochNo>& unspent) const;
  void settle(std::optional<Id> const& cause, bool backfill);
  void compare(Row const* before, Row const& after, bool backfill);

  EpochNo first_;
  std::vector<Closed> finals_;
  std::vector<Micro> list_;
  Sights sights_;
  std::map<Id, bool> addresses_;  // true: retired
  Rows rows_;
  std::vector<Told> told_;
};

}  // namespace hotside::sim::oracle
