#include "explorer/app/cli.hpp"

#include <sys/stat.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <csignal>
#include <exception>
#include <functional>
#include <iostream>

#include "explorer/app/command_tree.hpp"
#include "explorer/app/commands/commands.hpp"
#include "explorer/app/completion.hpp"
#include "explorer/app/manual_page.hpp"
#include "explorer/app/suggestion.hpp"
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
  AddressFields fields;
  DepositQuery deposits;
  NewBundle bundle;
  ShownBundle shown;
  std::string manifest, network;
  std::string argument, types;
  std::uint64_t after = 0;
  bool progress = false;
  bool is_deep = false;
};

// The parser's own text would show its checks: "1.2.2|dev|1.3:{1.2.2,dev,1.3}=1.2.2".
class HelpText : public CLI::Formatter {
 public:
  std::string make_option_opts(CLI::Option const* option) const override {
    auto const text = read_option(*option);
    std::string out;
    for (auto const& choice : text.choices) out += (out.empty() ? " " : "|") + choice;
    if (text.choices.empty() && !text.value.empty()) out = " " + text.value;
    if (text.is_repeated) out += "...";
    if (!text.default_value.empty()) out += " (default " + text.default_value + ")";
    return out + (text.is_required ? " REQUIRED" : "");
  }
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
  sub->add_option("--url", line.access.url, "address of the service, http(s)://host:port")
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
  add->add_option("address", line.addresses.addresses, "as the chain writes it: stt1…")
      ->required()
      ->type_name("ADDRESS");
  add->add_option("--reference", line.addresses.reference, "your own id of the user or account");
  add->add_option("--label", line.addresses.label, "a name for people");
  auto* import = with_access(
      command(line, *address, "import", "register addresses from a file",
              [&] { return address_import(line.access, line.argument, line.progress); }),
      line);
  import
      ->add_option("file", line.argument,
                   "CSV with header address,reference,label; or .ndjson, an object a line")
      ->required()
      ->type_name("FILE");
  import->add_flag("--progress", line.progress, "draw a bar, also where nobody seems to look");
  auto* list =
      with_access(command(line, *address, "list", "list addresses with their sums",
                          [&] { return address_list(line.access, line.addresses.reference); }),
                  line);
  list->add_option("--reference", line.addresses.reference, "only those of one user or account");
  auto* show = with_access(command(line, *address, "show", "one address with its sums",
                                   [&] { return address_show(line.access, line.argument); }),
                           line);
  show->add_option("address", line.argument, "as the chain writes it: stt1…")
      ->required()
      ->type_name("ADDRESS");
  auto* set =
      with_access(command(line, *address, "set", "change its reference or label",
                          [&] { return address_set(line.access, line.argument, line.fields); }),
                  line);
  set->add_option("address", line.argument, "as the chain writes it: stt1…")
      ->required()
      ->type_name("ADDRESS");
  set->add_option("--reference", line.fields.reference, "the new one; empty clears it");
  set->add_option("--label", line.fields.label, "the new one; empty clears it");
  auto* retire = with_access(command(line, *address, "retire", "retire it; its history stays",
                                     [&] { return address_retire(line.access, line.argument); }),
                             line);
  retire->add_option("address", line.argument, "as the chain writes it: stt1…")
      ->required()
      ->type_name("ADDRESS");
}

void add_deposits(CLI::App& app, Line& line) {
  auto& query = line.deposits;
  auto* deposits = group(app, "deposits", "look at deposits");
  auto* list = with_access(command(line, *deposits, "list", "newest first",
                                   [&] { return deposits_list(line.access, query); }),
                           line);
  list->add_option("--utxo", query.utxo, "only those of one UTXO id");
  list->add_option("--address", query.address, "only those to one address");
  list->add_option("--reference", query.reference, "only those of one user or account");
  list->add_option("--state", query.state, "only those in one state")
      ->check(CLI::IsMember({"prepared", "committed", "reverted"}));
  list->add_option("--spend", query.spend, "only those in one spend state")
      ->check(CLI::IsMember({"unspent", "spend_prepared", "spent"}));
  list->add_option("--epoch-from", query.epoch_from, "only from this epoch on");
  list->add_option("--epoch-to", query.epoch_to, "only up to this epoch");
  list->add_option("--min-amount", query.min_amount, "only of so many µSTG or more");
  list->add_option("--limit", query.limit, "at most so many")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  auto* show = with_access(command(line, *deposits, "show", "one deposit",
                                   [&] { return deposits_show(line.access, line.argument); }),
                           line);
  show->add_option("id", line.argument, "the deposit's id: UTXO id and epoch")
      ->required()
      ->type_name("UTXO:EPOCH");
  auto* follow =
      with_access(command(line, *deposits, "follow", "print events as they come, across restarts",
                          [&] { return deposits_follow(line.access, line.after, line.types); }),
                  line);
  follow->add_option("--after", line.after, "start behind this event number")
      ->capture_default_str()
      ->type_name("SEQ");
  follow->add_option("--types", line.types, "only these types, separated by commas");
}

void add_broadcast(CLI::App& app, Line& line) {
  auto* broadcast_ = with_access(
      command(line, app, "broadcast", "relay a signed transaction and follow it to `committed`",
              [&] { return broadcast(line.access, line.argument); }),
      line);
  broadcast_
      ->add_option("file", line.argument, "hexadecimal text, or a create_raw_transaction reply")
      ->required()
      ->type_name("FILE");
}

void add_bundle(CLI::App& app, Line& line) {
  auto* bundle = group(app, "bundle", "what the offline signer signs");
  auto& order = line.bundle;
  auto* create = with_access(command(line, *bundle, "create", "choose inputs and reserve them",
                                     [&] { return bundle_create(line.access, order); }),
                             line);
  create->add_option("--pay", order.pay, "a payout, the amount in STG; may be given often")
      ->type_name("ADDRESS=STG");
  create->add_option("--outputs", order.outputs_file, "CSV with header address,amount (µSTG)")
      ->type_name("FILE");
  create->add_option("--from", order.from, "address or reference to pay from; may be given often")
      ->type_name("SOURCE");
  create->add_option("--change", order.change, "where change goes; else back to the source")
      ->type_name("ADDRESS");
  create->add_option("--fee", order.fee, "minimum, or µSTG for each request")
      ->capture_default_str();
  create->add_flag("--split", order.split, "a payout may be made of several sources");
  create->add_option("--expires-in", order.expires_in, "seconds until the inputs are free again")
      ->capture_default_str()
      ->check(CLI::Range(1, 30 * 24 * 3600))
      ->type_name("SECONDS");
  create
      ->add_option("--idempotency-key", order.key,
                   "repeat a request under the same key; else a new one is made")
      ->type_name("KEY");
  create->add_option("--output,-o", order.output, "file to write; else the standard output")
      ->type_name("FILE");
  auto& shown = line.shown;
  auto* show = with_access(command(line, *bundle, "show", "a bundle of the service or of a file",
                                   [&] { return bundle_show(line.access, shown); }),
                           line);
  show->add_option("bundle", shown.what, "id, or file")->required()->type_name("ID|FILE");
  show->add_flag("--html", shown.html, "as a page to print, with the manifest as a QR code");
  show->add_option("--output,-o", shown.output, "file to write; else the standard output")
      ->type_name("FILE");
  auto* release = with_access(command(line, *bundle, "release", "give its inputs free",
                                      [&] { return bundle_release(line.access, line.argument); }),
                              line);
  release->add_option("id", line.argument, "as the answer that made it has it")
      ->required()
      ->type_name("ID");
  auto* verify = command(line, *bundle, "verify", "check a file, offline", [&] {
    return bundle_verify(line.argument, line.manifest, line.network, line.access.json);
  });
  verify->add_option("file", line.argument, "the bundle, as bundle create wrote it")
      ->required()
      ->type_name("FILE");
  verify->add_option("--manifest", line.manifest, "as read from the printed page")
      ->type_name("HEX");
  verify->add_option("--network", line.network, "refuse any other network")->type_name("NAME");
  verify->add_flag("--json", line.access.json, "print JSON");
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

int print_out(std::string const& text) {
  std::cout << text << std::flush;
  return std::cout ? kDone : kFailed;
}

// Both are made from the table of commands when they are asked for.
void add_texts(CLI::App& app, Line& line) {
  auto* completion =
      command(line, app, "completion", "print the completion script of a shell", [&] {
        auto const tree = read_tree(app);
        return print_out(line.argument == "bash" ? bash_completion(tree) : zsh_completion(tree));
      });
  completion->add_option("shell", line.argument, "source <(hotside completion bash)")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh"}))
      ->type_name("SHELL");
  command(line, app, "manual", "print the manual page, hotside(1), for man -l -",
          [&] { return print_out(manual_page(read_tree(app))); });
}

// The parser's words for what it refuses, unless we know better ones.
int refuse(CLI::App const& app, CLI::ParseError const& error,
           std::vector<std::string> const& words) {
  if (error.get_exit_code() != 0) {
    if (auto const text = explain_unknown(read_tree(app), words)) {
      std::cerr << *text;
      return kUsage;
    }
  }
  return app.exit(error, std::cout, std::cerr) == 0 ? kDone : kUsage;
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
  app.formatter(std::make_shared<HelpText>());
  app.footer("Exit codes: 0 done, 1 failed or something found, 2 usage or configuration.");
  add_running(app, line);
  add_address(app, line);
  add_deposits(app, line);
  add_bundle(app, line);
  add_broadcast(app, line);
  add_operating(app, line);
  add_texts(app, line);
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& error) {
    return refuse(app, error, {argv + std::min(argc, 1), argv + argc});
  }
  return line.chosen();
}

}  // namespace hotside::app
