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

// One step: what is said, and what the node is told to do. $1 to $3 are the sample addresses.
struct Step {
  char const* words;
  std::vector<char const*> actions;
};

std::vector<Step> const& script() {
  static std::vector<Step> const steps{
      {"alice is paid: her payment is in a micro block", {"pay $1 12500000", "grow"}},
      {"bob is paid twice in one block", {"pay $2 400000000", "pay $2 7000000", "grow"}},
      {"the chain grows", {"grow"}},
      {"carol is paid", {"pay $3 99000000", "grow"}},
      {"a fork: the last block is replaced by one without carol's payment", {"fork 1 drop"}},
      {"the chain grows", {"grow"}},
      {"carol's sender tries again", {"pay $3 99000000", "grow"}},
      {"a deeper fork: the same payments come back in other blocks", {"fork 3 move", "grow"}},
      {"the epoch ends: its macro block makes everything in it final", {"seal"}},
      {"the exchange spends what alice paid", {"spend $1", "grow"}},
      {"that block is replaced too, the spend comes back later", {"fork 1 move", "grow"}},
      {"another epoch ends", {"seal"}},
  };
  return steps;
}

class Script {
 public:
  Script(simnode::SimNode& node, std::vector<std::string> addresses)
      : node_(node), addresses_(std::move(addresses)) {}

  Result<void> run_step() {
    auto const& step = script()[next_];
    next_ = (next_ + 1) % script().size();
    std::cout << "-- " << step.words << std::endl;
    for (auto const* action : step.actions) HS_DO(node_.act(filled_in(action)));
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
  std::size_t next_ = 0;
};

class Commentary {
 public:
  explicit Commentary(std::uint16_t port) : client_("127.0.0.1", port) {}

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

Result<std::unique_ptr<simnode::SimNode>> start_node(std::string const& token_file) {
  simnode::Options options;
  options.speed = 0;  // the script alone moves it
  std::ofstream(token_file) << options.token.base64();
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

Result<std::vector<std::string>> sample_addresses(simnode::SimNode& node) {
  HS_TRY(text, node.act("addresses"));
  std::istringstream words(text);
  std::vector<std::string> addresses{std::istream_iterator<std::string>(words), {}};
  if (addresses.size() < 3) return fail(Fault::rejected, "the simulated node has no addresses");
  return addresses;
}

Result<void> show(DemoOptions const& options, Signals const& signals) {
  HS_TRY(folder, TemporaryFolder::make());
  auto const token_file = folder.file("api.token");
  HS_TRY(node, start_node(token_file));
  HS_TRY(addresses, sample_addresses(*node));
  HS_TRY(service, start_service(folder, token_file, node->port(), options.listen));
  std::cout << "dashboard http://127.0.0.1:" << service->port() << "/" << std::endl;

  auto const began = SteadyClock::now();
  auto const is_over = [&] {
    return options.seconds &&
           SteadyClock::now() - began >= std::chrono::duration<double>(*options.seconds);
  };
  Commentary commentary(service->port());
  Script script(*node, addresses);
  std::cout << "-- alice, bob and carol get an address each" << std::endl;
  HS_DO(commentary.register_addresses(addresses));
  auto next_step = began + kPace;
  while (!is_over()) {
    if (SteadyClock::now() >= next_step) {
      HS_DO(script.run_step());
      next_step += kPace;
    }
    HS_DO(commentary.print_new());
    if (auto const signal = signals.wait(kLook); signal && Signals::ends(*signal)) break;
  }
  return {};
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
