#pragma once
// Writes of the API: each is one transaction on the writer's thread, together with its line in the
// audit log and the answer kept under its Idempotency-Key.

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "explorer/api/handler.hpp"
#include "proto/model/audit.hpp"
#include "store/database.hpp"

namespace hotside::api {

// The audit log's line for this request, had it gone well.
model::AuditEntry audit_entry(Call const& call, std::string action, std::string target);

struct Write {
  std::string action, target;  // of the audit log
  // In the transaction. A refusal undoes all of it, and stands in the audit log under its name.
  std::function<Answer(store::WriteTxn&)> work;
};

// Answers with what `work` gives. With an Idempotency-Key the answer (2xx only) is kept: the same
// request under the same key gets it again without being done again, another request is refused.
void perform(Context const& context, Call const& call, Write write,
             std::function<void(Answer)> done);

// The Idempotency-Keys of requests that are under way: their answers are not known yet. From any
// thread.
class KeysInUse {
  using Key = std::pair<std::string, std::string>;  // of whom, which
  struct State {
    std::mutex mutex;
    std::set<Key> keys;
  };

 public:
  // A key's place, freed once; may outlive the others, and the server.
  class Place {
   public:
    Place(std::shared_ptr<State> all, Key key) : all_(std::move(all)), key_(std::move(key)) {}
    ~Place() { free(); }
    Place(Place const&) = delete;
    Place& operator=(Place const&) = delete;
    void free();

   private:
    std::shared_ptr<State> all_;
    Key key_;
    bool is_held_ = true;
  };
  // Null: it is in use.
  std::shared_ptr<Place> take(std::string const& caller, std::string const& key);

 private:
  std::shared_ptr<State> all_ = std::make_shared<State>();
};

// For work that goes on after its transaction: the answer that was kept becomes this one.
void keep_answer(Context const& context, Call const& call, Response const& answer,
                 std::function<void()> done);

}  // namespace hotside::api
