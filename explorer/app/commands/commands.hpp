#pragma once
// The commands, one file each. Every one gives the exit code: 0 done, 1 failed or something found,
// 2 usage or configuration. Answers go to the standard output, everything else to the standard
// error.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "explorer/app/client.hpp"

namespace hotside::app {

inline constexpr int kDone = 0, kFailed = 1, kUsage = 2;

int serve(std::string const& config);

struct DemoOptions {
  std::optional<double> seconds;  // how long; without it until a signal
  std::string listen;             // empty: port 8080 of loopback, or any free one
};
int demo(DemoOptions const& options);

struct SimnodeOptions {
  std::string listen, token_file, network, generation = "1.2.2", scenario, control;
  std::uint64_t seed = 1;
  double speed = 1;
};
int simnode(SimnodeOptions const& options);

int config_check(std::string const& config, bool json);
int config_text(std::string const& which);  // "example" or "reference"

struct NewAddresses {
  std::vector<std::string> addresses;
  std::string reference, label;
};
int address_add(Access const& access, NewAddresses const& addresses);
int address_import(Access const& access, std::string const& file, bool wants_progress);
int address_list(Access const& access, std::string const& reference);
int address_show(Access const& access, std::string const& address);
struct AddressFields {  // given: to be changed; empty: to be cleared
  std::optional<std::string> reference, label;
};
int address_set(Access const& access, std::string const& address, AddressFields const& fields);
int address_retire(Access const& access, std::string const& address);

struct DepositQuery {
  std::string utxo, address, reference, state, spend, epoch_from, epoch_to, min_amount;
  std::uint64_t limit = 100;
};
int deposits_list(Access const& access, DepositQuery const& query);
int deposits_show(Access const& access, std::string const& id);
int deposits_follow(Access const& access, std::uint64_t after, std::string const& types);

struct NewBundle {
  std::vector<std::string> pay;  // ADDRESS=STG
  std::string outputs_file;      // CSV with header address,amount; amounts in µSTG
  std::vector<std::string> from;
  std::string change, fee = "minimum", key;
  bool split = false;
  std::uint64_t expires_in = 24 * 3600;
  std::string output;  // file for the answer; empty: the standard output
};
int bundle_create(Access const& access, NewBundle const& order);
struct ShownBundle {
  std::string what;    // an id, or a file of a bundle
  bool html = false;   // the page to print
  std::string output;  // file for what is shown; empty: the standard output
};
int bundle_show(Access const& access, ShownBundle const& shown);
int bundle_release(Access const& access, std::string const& id);
int bundle_verify(std::string const& file, std::string const& manifest, std::string const& network,
                  bool json);

// Relays a signed transaction, and follows it until the final chain has decided.
int broadcast(Access const& access, std::string const& file);

int violation_show(Access const& access);
int violation_clear(Access const& access, std::string const& reason);

// Of a configuration, or of a file alone.
struct StorePlace {
  std::string config, file;
};
int backup(std::string const& config, std::string const& file);
int restore(std::string const& config, std::string const& file);
int verify(StorePlace const& place, bool deep, bool json);

int hold_set(Access const& access, std::string const& reason);
int hold_lift(Access const& access, std::string const& reason);

}  // namespace hotside::app
