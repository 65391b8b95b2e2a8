#include "explorer/cold/outputs.hpp"

#include <algorithm>
#include <utility>

#include "explorer/cold/blob.hpp"

namespace hotside::cold {
namespace {

constexpr std::size_t kBatch = 100;  // a node decodes a whole macro block for each id
constexpr std::size_t kJobsMax = 64;

// A node names one output that it does not have by the first 12 digits of its id, and answers
// nothing about the others.
std::vector<Hash> named_in(std::string const& text, std::vector<Hash> const& asked) {
  std::vector<Hash> found;
  for (auto const& id : asked)
    if (text.find(id.hex().substr(0, 12)) != std::string::npos) found.push_back(id);
  return found;
}

}  // namespace

Result<Bytes> Outputs::blob(model::PublicPayment const& payment) const { return blob_of(payment); }

void Outputs::fetch(std::vector<Hash> ids, std::function<void(Result<model::Fetched>)> done) {
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  if (ids.empty()) return done(model::Fetched{});
  Job job;
  job.done = std::move(done);
  for (std::size_t at = 0; at < ids.size(); at += kBatch)
    job.batches.emplace_back(
        ids.begin() + static_cast<std::ptrdiff_t>(at),
        ids.begin() + static_cast<std::ptrdiff_t>(std::min(ids.size(), at + kBatch)));
  {
    std::lock_guard const lock(mutex_);
    if (jobs_.size() < kJobsMax) {
      jobs_.push_back(std::move(job));
      job.done = nullptr;
    }
  }
  if (job.done) return job.done(fail(Fault::transient, "too many requests wait for the node"));
  next();
}

// Sends the next batch unless one is under way: a node gets one of these at a time.
void Outputs::next() {
  std::vector<Hash> batch;
  {
    std::lock_guard const lock(mutex_);
    if (busy_ || jobs_.empty()) return;
    busy_ = true;
    batch = jobs_.front().batches.front();
  }
  ask_(batch, [self = shared_from_this(), batch](Result<std::vector<Bytes>> answer) {
    self->take(batch, std::move(answer));
  });
}

void Outputs::take(std::vector<Hash> const& asked, Result<std::vector<Bytes>> answer) {
  if (!answer && answer.error().fault == Fault::transient) return give_up(answer.error());
  if (!answer) {
    auto const missing = answer.error().fault == Fault::rejected
                             ? named_in(answer.error().what, asked)
                             : std::vector<Hash>();
    if (missing.empty()) {
      auto error = std::move(answer.error());
      error.fault = Fault::transient;
      return go_on(std::move(error));
    }
    {
      std::lock_guard const lock(mutex_);
      auto& job = jobs_.front();
      for (auto const& id : missing) {
        std::erase(job.batches.front(), id);
        if (missing.size() == 1)
          job.fetched.missing.push_back(id);
        else
          job.batches.push_back({id});  // which of them it is, is told when each is asked for alone
      }
    }
    return go_on(std::nullopt);
  }
  std::unordered_map<Hash, Bytes> blobs;
  if (answer->size() != asked.size())
    return go_on(Error{Fault::peer, "the node answered another number of outputs", "length"});
  for (std::size_t i = 0; i < asked.size(); ++i) {
    auto const id = id_of((*answer)[i]);
    if (!id || *id != asked[i])
      return go_on(Error{Fault::peer, "the node answered what does not hash to " + asked[i].hex(),
                         "output_id"});
    blobs.emplace(asked[i], std::move((*answer)[i]));
  }
  {
    std::lock_guard const lock(mutex_);
    auto& job = jobs_.front();
    job.fetched.blobs.merge(blobs);
    job.batches.front().clear();
  }
  go_on(std::nullopt);
}

// No node, or a silent one: whoever waits would hear the same, one after the other, each after a
// time-out of his own.
void Outputs::give_up(Error const& error) {
  std::deque<Job> jobs;
  {
    std::lock_guard const lock(mutex_);
    busy_ = false;
    jobs.swap(jobs_);
  }
  for (auto const& job : jobs) job.done(fail(error));
  next();
}

// After each answer: the job goes on with what is left of it, or ends.
void Outputs::go_on(std::optional<Error> error) {
  std::function<void(Result<model::Fetched>)> done;
  model::Fetched fetched;
  {
    std::lock_guard const lock(mutex_);
    busy_ = false;
    auto& job = jobs_.front();
    while (!job.batches.empty() && job.batches.front().empty()) job.batches.pop_front();
    if (error || job.batches.empty()) {
      done = std::move(job.done);
      fetched = std::move(job.fetched);
      jobs_.pop_front();
    }
  }
  if (done && error) done(fail(std::move(*error)));
  if (done && !error) done(std::move(fetched));
  next();
}

}  // namespace hotside::cold
