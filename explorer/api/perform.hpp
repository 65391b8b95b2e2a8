#pragma once
// Writes of the API: each is one transaction on the writer's thread, together with its line in the
// audit log and the answer kept under its Idempotency-Key.

#include <functional>
#include <string>

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

// For work that goes on after its transaction: the answer that was kept becomes this one.
void keep_answer(Context const& context, Call const& call, Response const& answer,
                 std::function<void()> done);

}  // namespace hotside::api
