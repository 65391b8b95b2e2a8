// Where a webhook may go, and what it is signed with.

#include <arpa/inet.h>

#include <array>
#include <catch2/catch.hpp>
#include <string>

#include "proto/model/webhook.hpp"

using namespace hotside;

namespace {
bool is_public(std::string const& text) {
  std::array<std::uint8_t, 16> bytes{};
  bool const is_four = text.find(':') == std::string::npos;
  REQUIRE(::inet_pton(is_four ? AF_INET : AF_INET6, text.c_str(), bytes.data()) == 1);
  return model::is_public_address(ByteView(bytes).first(is_four ? 4 : 16));
}
}  // namespace

TEST_CASE("only addresses of the public internet are public") {
  for (std::string const text : {"0.0.0.0",
                                 "0.1.2.3",
                                 "10.0.0.1",
                                 "10.255.255.255",
                                 "100.64.0.1",
                                 "100.127.255.255",
                                 "127.0.0.1",
                                 "127.255.0.1",
                                 "169.254.169.254",
                                 "172.16.0.1",
                                 "172.31.255.255",
                                 "192.0.0.8",
                                 "192.0.2.1",
                                 "192.168.0.1",
                                 "198.18.0.1",
                                 "198.19.255.255",
                                 "198.51.100.7",
                                 "203.0.113.9",
                                 "224.0.0.1",
                                 "239.255.255.255",
                                 "240.0.0.1",
                                 "255.255.255.255",
                                 "::",
                                 "::1",
                                 "::ffff:127.0.0.1",
                                 "::ffff:8.8.8.8",
                                 "::7f00:1",
                                 "fe80::1",
                                 "febf::1",
                                 "fec0::1",
                                 "fc00::1",
                                 "fdff::1",
                                 "ff02::1",
                                 "100::1",
                                 "2001::1",
                                 "2001:db8::1",
                                 "2002:7f00:1::",
                                 "3fff::1",
                                 "64:ff9b::10.0.0.1",
                                 "64:ff9b:1::1"}) {
    INFO(text);
    CHECK_FALSE(is_public(text));
  }
  for (std::string const text :
       {"1.1.1.1",         "8.8.8.8",        "9.255.255.255",        "11.0.0.1",
        "100.63.255.255",  "100.128.0.1",    "126.255.255.255",      "128.0.0.1",
        "169.253.0.1",     "172.15.255.255", "172.32.0.1",           "192.0.1.1",
        "192.167.255.255", "192.169.0.1",    "198.17.255.255",       "198.20.0.1",
        "223.255.255.255", "2001:200::1",    "2001:4860:4860::8888", "2606:4700::1111",
        "64:ff9b::8.8.8.8"}) {
    INFO(text);
    CHECK(is_public(text));
  }
  CHECK_FALSE(model::is_public_address({}));
}

TEST_CASE("a host that means this machine or a private net is seen in its text") {
  for (std::string const host :
       {"localhost", "LOCALHOST", "localhost.", "a.localhost", "127.0.0.1", "127.1", "2130706433",
        "0x7f000001", "0177.0.0.1", "10.1", "::1", "::ffff:10.0.0.1", "fe80::1"}) {
    INFO(host);
    CHECK(model::forbidden_host(host));
  }
  for (std::string const host :
       {"exchange.example", "localhost.example", "8.8.8.8", "10.example"}) {
    INFO(host);
    CHECK_FALSE(model::forbidden_host(host));
  }
}

TEST_CASE("a URL is taken apart, and what is no URL is refused without being quoted") {
  auto const url = model::parse_webhook_url("HTTPS://u:p@Exchange.Example:8443/a/b?token=x");
  REQUIRE(url);
  CHECK(url->host == "exchange.example");
  CHECK(url->shown == "https://***@Exchange.Example:8443/a/b?token=x");
  CHECK(url->named == "https://Exchange.Example:8443/a/b");
  CHECK(model::parse_webhook_url("http://[::1]:80/")->host == "::1");
  CHECK(model::parse_webhook_url("http://a?b")->host == "a");
  for (std::string const text :
       {"", "a", "ftp://a/", "http://", "http:///a", "http://a:0/", "http://a:65536/",
        "http://a:b/", "http://a b/", "http://a/\n", "http://a\\@b/", "http://a/#f", "http://[::1/",
        "http://[a]/", "http://a:/", "http://\xc3\xa4/"}) {
    INFO(text);
    CHECK_FALSE(model::parse_webhook_url(text));
  }
  CHECK_FALSE(model::parse_webhook_url("http://a/" + std::string(3000, 'a')));
}

TEST_CASE("the id of a configured webhook follows from its url") {
  CHECK(model::webhook_id("https://a.example/") == model::webhook_id("https://a.example/"));
  CHECK(model::webhook_id("https://a.example/") != model::webhook_id("https://a.example/x"));
  CHECK(model::random_webhook_id() != model::random_webhook_id());
  CHECK(model::random_webhook_id().size() == 19);
}

TEST_CASE("a secret is whsec_ and Base64 of 24 to 64 bytes, and no error shows one") {
  CHECK(model::WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")->key().size() == 24);
  CHECK(model::WebhookSecret::parse("whsec_" + std::string(85, 'A') + "w==")->key().size() == 64);
  for (std::string const text :
       {"", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw ",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwA", "Whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}) {
    INFO(text);
    auto const parsed = model::WebhookSecret::parse(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().what.find("MfKQ") == std::string::npos);
  }
  CHECK_FALSE(model::WebhookSecret::parse("whsec_" + std::string(88, 'A')));  // 66 bytes
  auto const made = model::WebhookSecret::make();
  CHECK(made.key().size() == 32);
  CHECK(model::WebhookSecret::parse(made.text())->key() == made.key());
  CHECK(made.text() != model::WebhookSecret::make().text());
}
