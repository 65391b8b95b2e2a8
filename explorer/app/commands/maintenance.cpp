#include "store/maintenance.hpp"

#include <unistd.h>

#include <iostream>

#include "explorer/app/commands/commands.hpp"
#include "explorer/app/commands/print.hpp"
#include "explorer/app/config.hpp"
#include "proto/base/json_writer.hpp"
#include "proto/wire/hash.hpp"

namespace hotside::app {
namespace {

Result<Settings> settings_of(std::string const& config) {
  HS_TRY(read, read_configuration_file(config, process_environment(), Reader::client));
  std::string problems;
  for (auto const& problem : read.problems)
    problems += (problems.empty() ? "" : "\n") + problem.text();
  if (!problems.empty()) return fail(Fault::rejected, problems);
  return std::move(read.settings);
}

// One line that is written over, for a person who watches.
void show_progress(std::string const& what, std::uint64_t done, std::uint64_t total) {
  if (::isatty(STDERR_FILENO) == 0 || total == 0) return;
  std::cerr << "\r\033[K" << what << " " << done * 100 / total << " %" << std::flush;
  if (done == total) std::cerr << "\r\033[K";
}

store::VerifyOptions checks(bool deep) {
  store::VerifyOptions options;
  options.deep = deep;
  options.output_id = [](model::PublicPayment const& payment) {
    return wire::output_id(
        wire::RawPublicOutput{payment.recipient, payment.serno, payment.amount.value});
  };
  options.progress = show_progress;
  return options;
}

int code_of(Error const& error) { return error.fault == Fault::rejected ? kUsage : kFailed; }

void print_findings(std::vector<store::Finding> const& findings, bool json) {
  if (!json) {
    for (auto const& [where, what] : findings) std::cout << where << ": " << what << '\n';
    if (findings.empty()) std::cout << "good\n";
    return;
  }
  JsonWriter out;
  out.begin_object().key("findings").begin_array();
  for (auto const& [where, what] : findings)
    out.begin_object().key("where").string(where).key("what").string(what).end_object();
  out.end_array().end_object();
  std::cout << out.text() << '\n';
}

}  // namespace

int backup(std::string const& config, std::string const& file) {
  auto const settings = settings_of(config);
  if (!settings) return complain(settings.error(), kUsage);
  if (auto const done = store::backup(settings->store_url, file, show_progress); !done)
    return complain(done.error());
  std::cout << file << ": copied\n";
  return kDone;
}

int restore(std::string const& config, std::string const& file) {
  auto const settings = settings_of(config);
  if (!settings) return complain(settings.error(), kUsage);
  auto const head =
      store::restore(file, settings->store_url, {settings->network.hrp, *settings->network.genesis},
                     checks(true), show_progress);
  if (!head) return complain(head.error());
  std::cout << file << ": restored as feed " << head->feed << ", events 1 to " << head->head.value
            << '\n';
  return kDone;
}

int verify(StorePlace const& place, bool deep, bool json) {
  std::string url = "sqlite:" + place.file;
  if (place.file.empty()) {
    if (place.config.empty())
      return complain({Fault::rejected, "verify: --config or --store is needed", {}}, kUsage);
    auto const settings = settings_of(place.config);
    if (!settings) return complain(settings.error(), kUsage);
    url = settings->store_url;
  }
  auto const findings = store::verify(url, checks(deep));
  if (!findings) return complain(findings.error(), code_of(findings.error()));
  print_findings(*findings, json);
  return findings->empty() ? kDone : kFailed;
}

}  // namespace hotside::app
