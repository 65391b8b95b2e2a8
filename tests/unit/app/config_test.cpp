#include "explorer/app/config.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "explorer/app/files.hpp"

using namespace hotside;
using namespace hotside::app;

namespace {

// A folder of its own for each test, with a token in it.
struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "hotside-test-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
    write("api.token", "AAECAwQFBgcICQoLDA0ODw==\n");
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file(std::string const& name) const { return (path / name).string(); }
  void write(std::string const& name, std::string const& text) const {
    std::ofstream(path / name) << text;
  }
  std::filesystem::path path;
};

std::string minimal(Folder const& folder, std::string const& more = "") {
  return "network = \"testnet\"\n"
         "[[node]]\n"
         "endpoint = \"ws://127.0.0.1:3145\"\n"
         "token_file = \"" +
         folder.file("api.token") +
         "\"\n"
         "[store]\n"
         "url = \"sqlite:h.db\"\n" +
         more;
}

std::vector<std::string> problems(std::string const& toml, Environment const& environment = {},
                                  Reader reader = Reader::service) {
  std::vector<std::string> texts;
  for (auto const& problem : read_configuration("h.toml", toml, environment, reader).problems)
    texts.push_back(problem.text());
  return texts;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("six lines are a configuration, and the rest has defaults") {
  Folder const folder;
  auto const read = read_configuration("h.toml", minimal(folder), {}, Reader::service);
  for (auto const& problem : read.problems) INFO(problem.text());
  REQUIRE(read.problems.empty());
  auto const& settings = read.settings;
  CHECK(settings.network.hrp == "stt");
  CHECK(settings.network.genesis.has_value());
  REQUIRE(settings.nodes.size() == 1);
  CHECK(settings.nodes[0].name == "ws://127.0.0.1:3145");
  REQUIRE(settings.nodes[0].token.has_value());
  CHECK(settings.nodes[0].token->key()[15] == 15);
  CHECK(settings.confirm_nodes == 1);
  CHECK(settings.revert_grace == std::chrono::seconds(60));
  CHECK(settings.start_epoch == Epoch(0));
  CHECK(settings.listen.host == "127.0.0.1");
  CHECK(settings.listen.port == 8080);
  CHECK(settings.max_body_bytes == 8U << 20);
  CHECK(settings.max_lag == std::chrono::seconds(300));
  CHECK(settings.stall_after == std::chrono::seconds(120));
  CHECK(settings.log_level == LogLevel::info);
  CHECK(settings.log_format == LogFormat::text);
  CHECK(settings.problem("store.url", "is odd") == "h.toml:6: store.url: is odd");
}

TEST_CASE("all problems are told at once, each with file, line and key") {
  CHECK(problems("network = \"moonnet\"\n"
                 "colour = 3\n"
                 "[[node]]\n"
                 "endpoint = \"wss://a:1\"\n"
                 "[finality]\n"
                 "revert_grace = 601\n"
                 "confirm_nodes = \"two\"\n"
                 "[http]\n"
                 "listen = \"8080\"\n"
                 "listn = 1\n"
                 "[log]\n"
                 "level = \"loud\"\n") ==
        Texts{"h.toml:1: network: \"moonnet\" is not one of mainnet, testnet, devnet, dev",
              "h.toml:1: store.url: is missing",
              "h.toml:2: colour: there is no such key at the top",
              "h.toml:3: node.token_file: is missing",
              "h.toml:4: node.endpoint: a node speaks plain ws://, no TLS",
              "h.toml:6: finality.revert_grace: 601 is not within 1 to 600",
              "h.toml:7: finality.confirm_nodes: is not of type integer",
              "h.toml:9: http.listen: \"8080\" is not address:port",
              "h.toml:10: http.listn: there is no such key in [http]",
              "h.toml:12: log.level: \"loud\" is not one of trace, debug, info, warn, error"});
}

TEST_CASE("what is not TOML is told with its line") {
  auto const texts = problems("network = \"testnet\"\n[[node\n");
  REQUIRE(texts.size() == 1);
  CHECK(texts[0].starts_with("h.toml:2: "));
  CHECK(problems("node = 3\nlog = 1\nnetwork = \"dev\"\n[store]\nurl=\"sqlite:x\"\n") ==
        Texts{"h.toml:1: node: is written [[node]]",
              "h.toml:1: node: at least one [[node]] is needed",
              "h.toml:2: log: is a table, written [log]"});
}

TEST_CASE("a variable stands above the file, and is named when it is wrong") {
  Folder const folder;
  auto const text = minimal(folder, "[http]\nlisten = 3\n");
  auto read = read_configuration("h.toml", text,
                                 {{"HOTSIDE_HTTP_LISTEN", "127.0.0.1:0"},
                                  {"HOTSIDE_NETWORK", "dev"},
                                  {"HOTSIDE_NODE_NAME", "a"},
                                  {"HOTSIDE_FINALITY_REVERT_GRACE", "5"},
                                  {"HOTSIDE_TOKEN", "x"}},
                                 Reader::service);
  REQUIRE(read.problems.size() == 1);
  CHECK(read.problems[0].text() == "h.toml:8: http.listen: is not of type text");
  CHECK(read.settings.network.name == "dev");
  CHECK(read.settings.nodes.at(0).name == "a");
  CHECK(read.settings.revert_grace == std::chrono::seconds(5));
  CHECK(read.settings.listen.port == 0);

  CHECK(
      problems(minimal(folder), {{"HOTSIDE_HEALTH_MAX_LAG", "soon"},
                                 {"HOTSIDE_HTTP_LISTN", "x"},
                                 {"HOTSIDE_LOG_LEVEL", "loud"}}) ==
      Texts{
          "HOTSIDE_HEALTH_MAX_LAG: health.max_lag: is not of type integer",
          "HOTSIDE_HTTP_LISTN: there is no such setting",
          "HOTSIDE_LOG_LEVEL: log.level: \"loud\" is not one of trace, debug, info, warn, error"});
  CHECK(
      problems(minimal(folder, "[[node]]\nendpoint = \"ws://b:1\"\ntoken_file = \"" +
                                   folder.file("api.token") + "\"\n"),
               {{"HOTSIDE_NODE_NAME", "a"}}) ==
      Texts{"HOTSIDE_NODE_NAME: node.name: there are several [[node]], so a variable is unclear"});
}

TEST_CASE("secrets that cannot be read are problems of the service, not of a client") {
  Folder const folder;
  auto const text = minimal(folder, "[http]\nlisten = \"0.0.0.0:80\"\ntokens_file = \"" +
                                        folder.file("none.toml") + "\"\n");
  std::filesystem::remove(folder.path / "api.token");
  CHECK(problems(text) == Texts{"h.toml:4: node.token_file: cannot read " +
                                    folder.file("api.token") + ": No such file or directory",
                                "h.toml:9: http.tokens_file: cannot read " +
                                    folder.file("none.toml") + ": No such file or directory"});
  CHECK(problems(text, {}, Reader::client).empty());

  folder.write("api.token", "AAEC");
  auto const texts = problems(text);
  REQUIRE(texts.size() == 2);
  CHECK(texts[0].starts_with("h.toml:4: node.token_file: " + folder.file("api.token") + ": "));
}

TEST_CASE("a tokens file is read when the configuration is") {
  Folder const folder;
  auto const text =
      minimal(folder, "[http]\ntokens_file = \"" + folder.file("tokens.toml") + "\"\n");
  folder.write("tokens.toml", "[[token]]\nname = \"a\"\nrole = \"king\"\nsha256 = \"00\"\n");
  auto const texts = problems(text);
  REQUIRE(texts.size() == 1);
  CHECK(texts[0].starts_with("h.toml:8: http.tokens_file: " + folder.file("tokens.toml") + ":"));
  folder.write("tokens.toml", "[[token]]\nname = \"a\"\nrole = \"read\"\nsha256 = \"" +
                                  std::string(64, 'a') + "\"\n");
  CHECK(problems(text).empty());
}

TEST_CASE("settings are checked against each other") {
  Folder const folder;
  CHECK(problems(minimal(folder, "[http]\nlisten = \"0.0.0.0:8080\"\n")) ==
        Texts{"h.toml:8: http.listen: is not loopback, so http.tokens_file is required: without it "
              "every caller would be admin"});
  CHECK(problems(minimal(folder, "[finality]\nconfirm_nodes = 2\n")) ==
        Texts{"h.toml:8: finality.confirm_nodes: 2 nodes are to agree, but 1 configured: nothing "
              "would be final"});
  CHECK(problems(minimal(folder), {{"HOTSIDE_NETWORK", "devnet"}}) ==
        Texts{"h.toml:1: genesis: is missing: the genesis of devnet is not known to the program"});
  CHECK(problems(minimal(folder),
                 {{"HOTSIDE_NETWORK", "devnet"}, {"HOTSIDE_GENESIS", std::string(64, 'a')}})
            .empty());
  CHECK(problems(minimal(folder), {{"HOTSIDE_GENESIS", "ab"}}) ==
        Texts{"HOTSIDE_GENESIS: genesis: is not 64 hexadecimal digits"});
  CHECK(problems(minimal(folder, "[[node]]\nendpoint = \"ws://127.0.0.1:3145\"\ntoken_file = \"" +
                                     folder.file("api.token") + "\"\n"))
            .size() == 1);
}

TEST_CASE("a webhook is taken with its secrets, and each mistake has its line") {
  Folder const folder;
  std::string const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  folder.write("secret", secret + "\n\n" + secret + "\r\n");
  folder.write("bad", secret + "\nwhsec_short\n");
  folder.write("three", secret + "\n" + secret + "\n" + secret + "\n");
  auto const hook = [&](std::string const& url, std::string const& file, std::string const& rest) {
    return "[[webhook]]\nurl = \"" + url + "\"\nsecret_file = \"" + folder.file(file) + "\"\n" +
           rest;
  };
  auto const good = read_configuration(
      "h.toml",
      minimal(folder, hook("https://a.example/x", "secret", "events = [\"deposit.committed\"]\n") +
                          hook("http://127.0.0.1:1/", "secret", "allow_private = true\n")),
      {}, Reader::service);
  REQUIRE(good.problems.empty());
  REQUIRE(good.settings.webhooks.size() == 2);
  auto const& first = good.settings.webhooks[0];
  CHECK(first.url == "https://a.example/x");
  CHECK(first.secrets == Texts{secret, secret});
  CHECK(first.events == model::bit(model::EventType::deposit_committed));
  CHECK_FALSE(first.allow_private);
  CHECK(good.settings.webhooks[1].events == model::kAllEventTypes);
  CHECK(good.settings.webhooks[1].allow_private);

  auto const texts = problems(minimal(
      folder, hook("ftp://a.example/", "bad", "events = [\"deposit.gone\"]\nallow_private = 1\n") +
                  hook("https://[::1]/", "three", "events = []\n") +
                  hook("https://b.example/", "none", "") +
                  hook("https://b.example/", "secret", "")));
  CHECK(texts ==
        Texts{"h.toml:8: webhook.url: is not an http:// or https:// address",
              "h.toml:9: webhook.secret_file: " + folder.file("bad") +
                  ":2: a webhook secret is whsec_ and standard Base64 of 24 to 64 bytes",
              "h.toml:10: webhook.events: \"deposit.gone\" is not an event type",
              "h.toml:11: webhook.allow_private: is not of type boolean",
              "h.toml:13: webhook.url: ::1 is not a public address; it needs allow_private = true",
              "h.toml:14: webhook.secret_file: " + folder.file("three") +
                  ": one or two lines are expected, each a secret",
              "h.toml:15: webhook.events: names no event type; leave it out to send all",
              "h.toml:18: webhook.secret_file: cannot read " + folder.file("none") +
                  ": No such file or directory",
              "h.toml:20: webhook.url: another [[webhook]] has the same url"});
}

TEST_CASE("a certificate needs its key, and nothing of either is shown") {
  Folder const folder;
  folder.write("key.pem", "not a key: hunter2");
  auto const line = [&](char const* key) {
    return std::string(key) + " = \"" + folder.file("key.pem") + "\"\n";
  };
  CHECK(problems(minimal(folder, "[http]\n" + line("tls_cert"))) ==
        Texts{"h.toml:8: http.tls_cert: TLS needs http.tls_key too"});
  CHECK(problems(minimal(folder, "[http]\n" + line("tls_key"))) ==
        Texts{"h.toml:8: http.tls_key: TLS needs http.tls_cert too"});
  CHECK(problems(minimal(folder, "[http]\n" + line("tls_cert") + line("tls_key"))) ==
        Texts{"h.toml:8: http.tls_cert: " + folder.file("key.pem") +
              ": is not a readable certificate chain (PEM)"});
  CHECK(
      problems(minimal(folder, "[http]\n" + line("tls_cert") + line("tls_key")), {}, Reader::client)
          .empty());
  auto const limited = read_configuration(
      "h.toml", minimal(folder, "[http]\nrequests_per_second = 5\n"), {}, Reader::service);
  CHECK(limited.problems.empty());
  CHECK(limited.settings.requests_per_second == 5);
}

TEST_CASE("an address to listen on is an IP address with a port") {
  CHECK(parse_listen("[::1]:0")->is_loopback());
  CHECK(parse_listen("localhost:1")->is_loopback());
  CHECK(parse_listen("127.8.0.1:65535")->is_loopback());
  CHECK_FALSE(parse_listen("0.0.0.0:80")->is_loopback());
  CHECK_FALSE(parse_listen("[::]:80")->is_loopback());
  for (auto const* text : {"", ":80", "::1:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                           "127.0.0.1:-1", "example.org:80", "1.2.3:80"})
    CHECK_FALSE(parse_listen(text).has_value());
}

TEST_CASE("the example and the reference are those of the table") {
  std::string const root = HS_SOURCE_DIR;
  CHECK(*read_small_file(root + "/deploy/hotside.example.toml") == example_text());
  CHECK(*read_small_file(root + "/docs/configuration.md") == reference_text());
}

TEST_CASE("the example is a configuration, once its files are there") {
  Folder const folder;
  auto text = example_text();
  std::string const there = "/etc/hotside/api.token";
  text.replace(text.find(there), there.size(), folder.file("api.token"));
  CHECK(problems(text).empty());
}
