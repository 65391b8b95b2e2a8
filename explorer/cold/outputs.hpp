#pragma once
// Outputs by their ids: public ones that the store has ever seen, the others from the node. Used by
// the API and by the relay.

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "proto/model/ports.hpp"

namespace hotside::cold {

// Asks the node for 1 to 100 ids; answered once, on any thread. transient: no node answers.
// rejected: the node does not have one of them; its text stands in `what`.
using AskNode =
    std::function<void(std::vector<Hash>, std::function<void(Result<std::vector<Bytes>>)> done)>;

// Safe from any thread; lives until the last answer of `ask` has come or can no longer come.
class Outputs final : public model::OutputSource, public std::enable_shared_from_this<Outputs> {
 public:
  explicit Outputs(AskNode ask) : ask_(std::move(ask)) {}

  Result<Bytes> blob(model::PublicPayment const& payment) const override;
  void fetch(std::vector<Hash> ids, std::function<void(Result<model::Fetched>)> done) override;

 private:
  struct Job {
    std::deque<std::vector<Hash>> batches;
    model::Fetched fetched;
    std::function<void(Result<model::Fetched>)> done;
  };

  void next();
  void take(std::vector<Hash> const& asked, Result<std::vector<Bytes>> answer);
  void give_up(Error const& error);
  void go_on(std::optional<Error> error);

  AskNode ask_;
  std::mutex mutex_;      // guards what follows
  std::deque<Job> jobs_;  // the first one has a request in flight, when busy_
  bool busy_ = false;
};

}  // namespace hotside::cold
