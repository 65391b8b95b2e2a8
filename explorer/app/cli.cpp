#include "explorer/app/cli.hpp"

#include <sys/stat.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <csignal>
#include <exception>
#include <functional>
#include <iostream>

#include "explorer/app/commands/commands.hpp"
#include "explorer/app/version.hpp"

namespace hotside::app {
namespace {

// Options are parsed into these, and the chosen command leaves here what is to be run.
struct Line {
  std::function<int()> chosen;
  std::string config;
  Access access;
  DemoOptions demo;
  SimnodeOptions simnode;
  NewAddresses addresses;
  DepositQuery deposits;
  std::string argument, types;
  std::uint64_t after = 0;
  bool is_deep = false;
};

CLI::App* group(CLI::App& parent, std::string const& name, std::string const& help) {
  auto* sub = parent.add_subcommand(name, help);
  sub->require_subcommand(1);
  return sub;
}

template <class Run>
CLI::App* command(Line& line, CLI::App& parent, std::string const& name, std::string const& help,
                  Run run) {
  auto* sub = parent.add_subcommand(name, help);
  sub->callback([&line, run] { line.chosen = run; });
  return sub;
}

// For commands that speak to a running service.
CLI::App* with_access(CLI::App* sub, Line& line) {
  auto* config = sub->add_option("--config", line.access.config, "configuration of the service")
                     ->type_name("FILE");
  sub->add_option("--url", line.access.url, "address of the service, http://host:port")
      ->type_name("URL")
      ->excludes(config);
  sub->add_option("--api-token-file", line.access.token_file,
                  "file with the API token; else the variable HOTSIDE_TOKEN")
      ->type_name("FILE");
  sub->add_flag("--json", line.access.json, "print JSON");
  return sub;
}

void add_running(CLI::App& app, Line& line) {
  auto* serve_ = command(line, app, "serve", "run the service", [&] { return serve(line.config); });
  serve_->add_option("--config", line.config, "configuration file")->required()->type_name("FILE");

  auto* demo_ = command(line, app, "demo", "show the service at work on a simulated chain",
                        [&] { return demo(line.demo); });
  demo_->add_option("--for", line.demo.seconds, "stop after so many seconds")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.0, 1e9));
  demo_->add_option("--listen", line.demo.listen, "address of the dashboard, 127.0.0.1:PORT")
      ->type_name("ADDR");

  auto& sim = line.simnode;
  auto* simnode_ = command(line, app, "simnode", "run the simulated Stegos node alone",
                           [&] { return simnode(sim); });
  simnode_->add_option("--listen", sim.listen, "address:port")->required()->type_name("ADDR");
  simnode_->add_option("--token-file", sim.token_file, "read, or written when it is not there")
      ->required()
      ->type_name("F");
  simnode_->add_option("--network", sim.network, "mainnet, testnet or dev")
      ->required()
      ->check(CLI::IsMember({"mainnet", "testnet", "dev"}))
      ->type_name("NAME");
  simnode_->add_option("--generation", sim.generation, "which node to imitate")
      ->capture_default_str()
      ->check(CLI::IsMember({"1.2.2", "dev", "1.3"}))
      ->type_name("1.2.2|dev|1.3");
  simnode_->add_option("--scenario", sim.scenario, "file of actions to run from the start")
      ->type_name("F");
  simnode_->add_option("--seed", sim.seed, "the same seed gives the same chain")
      ->capture_default_str()
      ->type_name("N");
  simnode_->add_option("--speed", sim.speed, "a block every 10/X seconds; 0: only when told")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1e6))
      ->type_name("X");
  simnode_->add_option("--control", sim.control, "address:port that takes actions, one a line")
      ->type_name("ADDR");
}

void add_address(CLI::App& app, Line& line) {
  auto* address = group(app, "address", "manage the addresses that are watched");
  auto* add = with_access(command(line, *address, "add", "register addresses",
                                  [&] { return address_add(line.access, line.addresses); }),
                          line);
  add->add_option("address", line.addresses.addresses)->required()->type_name("ADDRESS");
  add->add_option("--reference", line.addresses.reference, "your own id of the user or account");
  add->add_option("--label", line.addresses.label, "a name for people");
  auto* import = with_access(command(line, *address, "import", "register addresses from a file",
                                     [&] { return address_import(line.access, line.argument); }),
                             line);
  import->add_option("file", line.argument, "CSV with header address,reference,label")
      ->required()
      ->type_name("FILE");
  auto* list =
      with_access(command(line, *address, "list", "list addresses with their sums",
                          [&] { return address_list(line.access, line.addresses.reference); }),
                  line);
  list->add_option("--reference", line.addresses.reference, "only those of one user or account");
  auto* show = with_access(command(line, *address, "show", "one address with its sums",
                                   [&] { return address_show(line.access, line.argument); }),
                           line);
  show->add_option("address", line.argument)->required()->type_name("ADDRESS");
  auto* retire = with_access(command(line, *address, "retire", "retire it; its history stays",
                                     [&] { return address_retire(line.access, line.argument); }),
                             line);
  retire->add_option("address", line.argument)->required()->type_name("ADDRESS");
}

void add_deposits(CLI::App& app, Line& line) {
  auto& query = line.deposits;
  auto* deposits = group(app, "deposits", "look at deposits");
  auto* list = with_access(command(line, *deposits, "list", "newest first",
                                   [&] { return deposits_list(line.access, query); }),
                           line);
  list->add_option("--address", query.address, "only those to one address");
  list->add_option("--reference", query.reference, "only those of one user or account");
  list->add_option("--state", query.state, "prepared, committed or reverted");
  list->add_option("--spend", query.spend, "unspent, spend_prepared or spent");
  list->add_option("--limit", query.limit, "at most so many")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  auto* show = with_access(command(line, *deposits, "show", "one deposit",
                                   [&] { return deposits_show(line.access, line.argument); }),
                           line);
  show->add_option("id", line.argument)->required()->type_name("UTXO:EPOCH");
  auto* follow =
      with_access(command(line, *deposits, "follow", "print events as they come, across restarts",
                          [&] { return deposits_follow(line.access, line.after, line.types); }),
                  line);
  follow->add_option("--after", line.after, "start behind this event number")
      ->capture_default_str()
      ->type_name("SEQ");
  follow->add_option("--types", line.types, "only these types, separated by commas");
}

void add_operating(CLI::App& app, Line& line) {
  auto* config = group(app, "config", "help with configuration files");
  auto* check = command(line, *config, "check", "say what is wrong, by file, line and key",
                        [&] { return config_check(line.config, line.access.json); });
  check->add_option("--config", line.config, "configuration file")->required()->type_name("FILE");
  check->add_flag("--json", line.access.json, "print JSON");
  command(line, *config, "example", "print an example of every setting",
          [] { return config_text("example"); });
  command(line, *config, "reference", "print the description of every setting",
          [] { return config_text("reference"); });

  auto const with_config = [&](CLI::App* sub) {
    return sub->add_option("--config", line.config, "configuration of the service")
        ->type_name("FILE");
  };
  auto* backup_ = command(line, app, "backup", "copy the store, while the service runs",
                          [&] { return backup(line.config, line.argument); });
  backup_->add_option("file", line.argument, "a new file")->required()->type_name("FILE");
  with_config(backup_)->required();
  auto* restore_ =
      command(line, app, "restore", "put a copy into the place of the store: a new feed",
              [&] { return restore(line.config, line.argument); });
  restore_->add_option("file", line.argument, "a file that backup made")
      ->required()
      ->type_name("FILE");
  with_config(restore_)->required();
  auto* verify_ = command(line, app, "verify", "check the store, also while the service runs", [&] {
    return verify({line.config, line.argument}, line.is_deep, line.access.json);
  });
  auto* const of_config = with_config(verify_);
  verify_->add_option("--store", line.argument, "a store or a backup, as a file")
      ->type_name("FILE")
      ->excludes(of_config);
  verify_->add_flag("--deep", line.is_deep, "every index and every output id, too");
  verify_->add_flag("--json", line.access.json, "print JSON");

  auto* hold = group(app, "hold", "keep deposit.committed events back");
  auto* set = with_access(command(line, *hold, "set", "taking in goes on, committed is not told",
                                  [&] { return hold_set(line.access, line.argument); }),
                          line);
  set->add_option("--reason", line.argument, "why, for the record")->required();
  auto* lift = with_access(command(line, *hold, "lift", "what was kept back gets its numbers",
                                   [&] { return hold_lift(line.access, line.argument); }),
                           line);
  lift->add_option("--reason", line.argument, "why this is right, for the record")->required();

  auto* violation = group(app, "violation", "contradictions of finality");
  with_access(command(line, *violation, "show", "those that are open",
                      [&] { return violation_show(line.access); }),
              line);
  auto* clear = with_access(command(line, *violation, "clear", "clear them: taking in goes on",
                                    [&] { return violation_clear(line.access, line.argument); }),
                            line);
  clear->add_option("--reason", line.argument, "why this is right, for the record")->required();
}

}  // namespace

int run_program(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that went away is an error of one write
  ::umask(::umask(0) | 0027);     // who was paid what is not for every user of the machine
  Line line;
  CLI::App app(
      "Hotside: follows a Stegos chain and tells an exchange which of its addresses were "
      "paid, and whether that is final.",
      "hotside");
  app.set_version_flag("--version", std::string("hotside ") + kVersion);
  app.require_subcommand(1);
  add_running(app, line);
  add_address(app, line);
  add_deposits(app, line);
  add_operating(app, line);
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& error) {
    auto const code = app.exit(error, std::cout, std::cerr);
    return code == 0 ? kDone : kUsage;
  }
  return line.chosen();
}

}  // namespace hotside::app
