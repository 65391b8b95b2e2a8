#pragma once
// The whole service in one object: from the store to the nodes to the API, on the threads of
// docs/architecture.md. What it is made of outlives each other in the order in which it is
// declared.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "explorer/app/settings.hpp"
#include "proto/base/result.hpp"

namespace hotside::app {

class Service {
 public:
  // Everything runs when this returns. Fault::rejected: the configuration or the store is not one
  // to start with; anything else: something it needs is not to be had now.
  static Result<std::unique_ptr<Service>> start(Settings settings);
  virtual ~Service() = default;  // stops: outside in, within seconds

  virtual std::uint16_t port() const = 0;
  // What has stopped turning and will not by itself; empty while all is well. From any thread.
  virtual std::optional<std::string> stuck() const = 0;
  // Tokens, webhooks and log level of `settings`; the rest stays as it is. On an error nothing has
  // changed.
  virtual Result<void> reload(Settings const& settings) = 0;
};

}  // namespace hotside::app
