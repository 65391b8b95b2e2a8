#include <spdlog/spdlog.h>

#include "explorer/app/commands/commands.hpp"
#include "explorer/app/commands/print.hpp"
#include "explorer/app/config.hpp"
#include "explorer/app/log.hpp"
#include "explorer/app/service.hpp"
#include "explorer/app/signals.hpp"
#include "explorer/app/supervisor.hpp"
#include "explorer/app/version.hpp"

namespace hotside::app {
namespace {

// With a problem the service goes on as it is: a mistake in a file must not end what runs.
void reload(Service& service, std::string const& config) {
  auto const read = read_configuration_file(config, process_environment(), Reader::service);
  if (!read) return spdlog::error("not reloaded: {}", read.error().what);
  for (auto const& problem : read->problems) spdlog::error("not reloaded: {}", problem.text());
  if (!read->problems.empty()) return;
  if (auto const done = service.reload(read->settings); !done)
    return spdlog::error("not reloaded: {}", done.error().what);
  spdlog::info("reloaded tokens, certificate, webhooks and log level");
}

// Silence makes the supervisor start us again: what does not turn any more will not by itself.
void watch(Service const& service) {
  if (auto const what = service.stuck()) return spdlog::critical("stuck: {}", *what);
  tell_supervisor("WATCHDOG=1");
}

}  // namespace

int serve(std::string const& config) {
  Signals const signals;
  auto const read = read_configuration_file(config, process_environment(), Reader::service);
  if (!read) return complain(read.error(), kUsage);
  for (auto const& problem : read->problems) complain({Fault::rejected, problem.text(), {}});
  if (!read->problems.empty()) return kUsage;

  auto const& settings = read->settings;
  start_log(settings.log_level, settings.log_format);
  spdlog::info("hotside {} on {}, store {}", kVersion, settings.network.name, settings.store_url);
  auto const service = Service::start(settings);
  if (!service) {
    spdlog::error("not started: {}", service.error().what);
    return service.error().fault == Fault::rejected ? kUsage : kFailed;
  }
  tell_supervisor("READY=1");
  for (;;) {
    auto const signal = signals.wait(std::chrono::seconds(1));
    if (!signal) {
      watch(**service);
      continue;
    }
    if (Signals::ends(*signal)) break;
    reload(**service, config);
  }
  spdlog::info("stopping");
  return kDone;
}

}  // namespace hotside::app
