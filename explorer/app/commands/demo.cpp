// The service on a temporary store against the simulated node, with a script that shows what a
// deposit can go through, and a commentary read from the feed like any consumer would.

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <system_error>

#include "chainclient/simnode/sim_node.hpp"
#include "explorer/app/commands/commands.hpp"
#include "explorer/app/commands/offline_signer.hpp"
#include "explorer/app/commands/print.hpp"
#include "explorer/app/config.hpp"
#include "explorer/app/log.hpp"
#include "explorer/app/service.hpp"
#include "explorer/app/signals.hpp"
#include "proto/base/json_writer.hpp"

namespace hotside::app {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr auto kPace = std::chrono::milliseconds(900);  // from one step of the script to the next
constexpr auto kLook = std::chrono::milliseconds(100);  // from one look at the feed to the next

class TemporaryFolder {
 public:
  static Result<TemporaryFolder> make() {
    std::error_code error;
    auto name = (std::filesystem::temp_directory_path(error) / "hotside-demo-XXXXXX").string();
    if (error || ::mkdtemp(name.data()) == nullptr)
      return fail(Fault::transient,
                  "cannot make a temporary folder: " + std::generic_category().message(errno));
    return TemporaryFolder(name);
  }
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  std::string file(char const* name) const { return (path_ / name).string(); }

 private:
  explicit TemporaryFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

bool is_free(std::uint16_t port) {
  boost::asio::io_context io;
  boost::asio::ip::tcp::acceptor acceptor(io);
  boost::system::error_code error;
  boost::asio::ip::tcp::endpoint const here(boost::asio::ip::address_v4::loopback(), port);
  acceptor.open(here.protocol(), error);
  if (!error) acceptor.set_option(boost::asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(here, error);
  return !error;
}

// A withdrawal as an exchange makes it: a bundle of what bob paid, signed where nothing else runs,
// and relayed.
class Withdrawal {
 public:
  Withdrawal(Client client, OfflineSigner signer, std::vector<std::string> const& addresses,
             std::vector<std::string> const& secrets)
      : client_(std::move(client)),
        signer_(std::move(signer)),
        source_(addresses[1]),
        payee_(addresses[3]),
        secret_(secrets[1]) {}

  Result<void> make_bundle() {
    JsonWriter json;
    json.begin_object().key("outputs").begin_array();
    json.begin_object().key("recipient").string(payee_);
    json.key("amount").integer(250 * kMicroPerStg).end_object().end_array();
    json.key("from").begin_array().string(source_).end_array().end_object();
    HS_TRY(body, client_.send("POST", "/v1/bundles", json.take(), key_for("bundle")));
    simdjson::dom::parser parser;
    Json bundle, request;
    simdjson::dom::array summary;
    if (parser.parse(body).get(bundle) != simdjson::SUCCESS ||
        bundle.at_pointer("/requests/0").get(request) != simdjson::SUCCESS ||
        bundle.at_key("summary").get(summary) != simdjson::SUCCESS)
      return fail(Fault::peer, "what the service answered is not a bundle");
    request_ = simdjson::minify(request);
    for (auto const line : summary) std::cout << "   " << std::string_view(line) << '\n';
    std::cout << "   manifest " << text_at(bundle, "manifest") << std::endl;
    return {};
  }
  Result<void> sign() {
    HS_TRY(answer, signer_.sign(request_, secret_));
    signed_ = std::move(answer);
    return {};
  }
  Result<void> relay() {
    HS_TRY(answer, client_.send("POST", "/v1/transactions", signed_, key_for("relay")));
    ++made_;
    return {};
  }

 private:
  std::string key_for(std::string const& what) const { return what + "-" + std::to_string(made_); }

  Client client_;
  OfflineSigner signer_;
  std::string source_, payee_, secret_, request_, signed_;
  std::size_t made_ = 0;
};

// One step: what is said, what the node is told to do, and what the exchange does then. $1 to $3
// are the sample addresses.
struct Step {
  char const* words;
  std::vector<char const*> actions;
  Result<void> (Withdrawal::*then)() = nullptr;
};

std::vector<Step> const& script() {
  static std::vector<Step> const steps{
      {"alice is paid: her payment is in a micro block", {"pay $1 12500000", "grow"}},
      {"bob is paid twice in one block", {"pay $2 400000000", "pay $2 7000000", "grow"}},
      {"carol is paid", {"pay $3 99000000", "grow"}},
      {"a fork: the last block is replaced by one without carol's payment", {"fork 1 drop"}},
      {"carol's sender tries again", {"grow", "pay $3 99000000", "grow"}},
      {"a deeper fork: the same payments come back in other blocks", {"fork 3 move", "grow"}},
      {"the epoch ends: its macro block makes everything in it final", {"seal"}},
      {"the exchange spends what alice paid", {"spend $1", "grow"}},
      {"that block is replaced too, the spend comes back later", {"fork 1 move", "grow"}},
      {"a customer withdraws: a bundle of what bob paid is made and its inputs are reserved",
       {},
       &Withdrawal::make_bundle},
      {"across the gap: an offline node signs it with the key, which never comes back",
       {},
       &Withdrawal::sign},
      {"the signed transaction is checked, recorded and relayed", {}, &Withdrawal::relay},
      {"a block takes it in", {"grow"}},
      {"a fork takes it out again: it waits for another block", {"fork 1 move"}},
      {"the next block has it", {"grow"}},
      {"another epoch ends: the withdrawal and its change are final", {"seal"}},
  };
  return steps;
}

class Script {
 public:
  Script(simnode::SimNode& node, std::vector<std::string> addresses, Withdrawal withdrawal)
      : node_(node), addresses_(std::move(addresses)), withdrawal_(std::move(withdrawal)) {}

  Result<void> run_step() {
    auto const& step = script()[next_];
    next_ = (next_ + 1) % script().size();
    std::cout << "-- " << step.words << std::endl;
    for (auto const* action : step.actions) HS_DO(node_.act(filled_in(action)));
    if (step.then) HS_DO((withdrawal_.*step.then)());
    return {};
  }

 private:
  std::string filled_in(std::string action) const {
    if (auto const at = action.find('$'); at != std::string::npos)
      action.replace(at, 2, addresses_[static_cast<std::size_t>(action[at + 1] - '1')]);
    return action;
  }

  simnode::SimNode& node_;
  std::vector<std::string> addresses_;
  Withdrawal withdrawal_;
  std::size_t next_ = 0;
};

class Commentary {
 public:
  explicit Commentary(std::uint16_t port) : client_(Peer{"127.0.0.1", port}) {}

  Result<void> print_new() {
    HS_TRY(body, client_.get("/v1/events?limit=1000&after=" + std::to_string(after_)));
    Json page;
    simdjson::dom::array events;
    if (parser_.parse(body).get(page) != simdjson::SUCCESS ||
        page.at_key("events").get(events) != simdjson::SUCCESS ||
        page.at_key("next").get(after_) != simdjson::SUCCESS)
      return fail(Fault::peer, "what the service answered is not a page of events");
    for (auto const& event : events) std::cout << in_words(event, Ids::brief) << std::endl;
    return {};
  }
  // Whether the service has taken in the node's last block: a step tells of what is there.
  Result<bool> is_at(std::string const& height) {
    HS_TRY(body, client_.get("/v1/status"));
    Json status;
    std::string_view block;
    if (parser_.parse(body).get(status) != simdjson::SUCCESS)
      return fail(Fault::peer, "what the service answered is not its status");
    return status.at_pointer("/complete_through/block_hash").get(block) == simdjson::SUCCESS &&
           height.ends_with(block);
  }
  Result<void> register_addresses(std::vector<std::string> const& addresses) {
    constexpr std::array references{"alice", "bob", "carol"};
    JsonWriter json;
    json.begin_object().key("addresses").begin_array();
    for (std::size_t i = 0; i < references.size(); ++i) {
      json.begin_object().key("address").string(addresses[i]);
      json.key("reference").string(references[i]).end_object();
    }
    json.end_array().end_object();
    auto const done = client_.send("POST", "/v1/addresses", json.take());
    if (!done) return fail(done.error());
    return {};
  }

 private:
  Client client_;
  simdjson::dom::parser parser_;
  std::uint64_t after_ = 0;
};

Result<std::unique_ptr<simnode::SimNode>> start_node(wire::Token const& token,
                                                     std::string const& token_file) {
  simnode::Options options;
  options.speed = 0;  // the script alone moves it
  options.token = token;
  std::ofstream(token_file) << token.base64();
  HS_TRY(node, simnode::SimNode::start(std::move(options)));
  HS_DO(node->act("epoch-length 12"));
  return node;
}

Result<std::unique_ptr<Service>> start_service(TemporaryFolder const& folder,
                                               std::string const& token_file, std::uint16_t port,
                                               std::string listen) {
  if (listen.empty()) listen = is_free(8080) ? "127.0.0.1:8080" : "127.0.0.1:0";
  auto const text =
      "network = \"dev\"\n[[node]]\nname = \"simulated\"\nendpoint = "
      "\"ws://127.0.0.1:" +
      std::to_string(port) + "\"\ntoken_file = \"" + token_file +
      "\"\n[finality]\nrevert_grace = 5\n[store]\nurl = \"sqlite:" + folder.file("demo.db") +
      "\"\n[http]\nlisten = \"" + listen + "\"\n";
  auto read = read_configuration("demo", text, {}, Reader::service);
  if (!read.problems.empty()) return fail(Fault::rejected, read.problems.front().text());
  return Service::start(std::move(read.settings));
}

// What the node says of its own keys, in one order: "addresses" or "secrets".
Result<std::vector<std::string>> sample(simnode::SimNode& node, char const* of_what) {
  HS_TRY(text, node.act(of_what));
  std::istringstream words(text);
  std::vector<std::string> found{std::istream_iterator<std::string>(words), {}};
  if (found.size() < 4) return fail(Fault::rejected, "the simulated node has no keys of its own");
  return found;
}

Result<void> tell(DemoOptions const& options, Signals const& signals, simnode::SimNode& node,
                  Script script, Commentary commentary) {
  auto const began = SteadyClock::now();
  auto const is_over = [&] {
    return options.seconds &&
           SteadyClock::now() - began >= std::chrono::duration<double>(*options.seconds);
  };
  auto next_step = began + kPace;
  while (!is_over()) {
    if (SteadyClock::now() >= next_step) {
      HS_TRY(height, node.act("height"));
      HS_TRY(is_there, commentary.is_at(height));
      if (is_there) {
        HS_DO(script.run_step());
        next_step = SteadyClock::now() + kPace;
      }
    }
    HS_DO(commentary.print_new());
    if (auto const signal = signals.wait(kLook); signal && Signals::ends(*signal)) break;
  }
  return {};
}

Result<void> show(DemoOptions const& options, Signals const& signals) {
  HS_TRY(folder, TemporaryFolder::make());
  auto const token_file = folder.file("api.token");
  auto const token = wire::Token::random();
  HS_TRY(node, start_node(token, token_file));
  HS_TRY(addresses, sample(*node, "addresses"));
  HS_TRY(secrets, sample(*node, "secrets"));
  HS_TRY(service, start_service(folder, token_file, node->port(), options.listen));
  std::cout << "dashboard http://127.0.0.1:" << service->port() << "/" << std::endl;

  Client const client(Peer{"127.0.0.1", service->port()});
  Commentary commentary(service->port());
  std::cout << "-- alice, bob and carol get an address each" << std::endl;
  HS_DO(commentary.register_addresses(addresses));
  Withdrawal withdrawal(client, OfflineSigner(node->port(), token), addresses, secrets);
  return tell(options, signals, *node, Script(*node, addresses, std::move(withdrawal)),
              std::move(commentary));
}

}  // namespace

int demo(DemoOptions const& options) {
  if (!options.listen.empty()) {
    auto const listen = parse_listen(options.listen);
    if (!listen || listen->host != "127.0.0.1")
      return complain(
          {Fault::rejected, "--listen: the demo has no tokens, so only 127.0.0.1:PORT", {}},
          kUsage);
  }
  Signals const signals;
  start_log(LogLevel::warn, LogFormat::text);
  auto const done = show(options, signals);
  return done ? kDone : complain(done.error());
}

}  // namespace hotside::app
