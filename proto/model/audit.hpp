#pragma once
// One line of the audit log, before it has a number.

#include <string>

namespace hotside::model {

struct AuditEntry {
  std::string who;         // name of the token; "local" without tokens
  std::string role;        // "admin", "manage", "relay", "read"
  std::string action;      // "address.register", "hold.set", …: stable names
  std::string target;      // what it was done to: an address, an id, a count
  std::string outcome;     // "done", or the name of the problem
  std::string request_id;  // as answered in X-Request-Id
};

}  // namespace hotside::model
