#include "explorer/webhook/signature.hpp"

#include <catch2/catch.hpp>
#include <vector>

using namespace hotside;
using model::WebhookSecret;

namespace {
WebhookSecret secret(std::string_view text) {
  auto parsed = WebhookSecret::parse(text);
  REQUIRE(parsed);
  return *parsed;
}
}  // namespace

TEST_CASE("the signature is that of the Standard Webhooks reference libraries") {
  // Their own test vector (standard-webhooks/libraries, test_sign_function).
  std::vector const one{secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")};
  CHECK(webhook::signature(one, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                           "{\"test\": 2432232314}") ==
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  std::vector const two{WebhookSecret::make(), one.front()};
  auto const both =
      webhook::signature(two, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, "{\"test\": 2432232314}");
  CHECK(both.ends_with(" v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
  CHECK(both.size() == 2 * 47 + 1);
}
