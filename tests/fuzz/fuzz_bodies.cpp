// Bodies of requests, straight into their readers: the first byte names the reader.

#include <array>

#include "explorer/api/address_rows.hpp"
#include "explorer/api/body.hpp"
#include "explorer/api/bundle_body.hpp"
#include "explorer/api/webhook_body.hpp"
#include "proto/base/invariant.hpp"

using namespace hotside;

namespace {

constexpr std::string_view kHrp = "dev";

template <class T>
void check_reason(Result<T> const& read) {
  invariant(read.has_value() || !read.error().what.empty(), "a refusal says what is wrong");
}
template <class T>
void check_reason(api::Asked<T> const& read) {
  invariant(read.has_value() || !read.error().detail.empty(), "a refusal says what is wrong");
}

void addresses(std::string_view body) {
  auto const read = api::read_addresses(body, kHrp);
  check_reason(read);
  if (!read) return;
  for (auto const& bad : read->errors) invariant(!bad.error.empty(), "a bad address says why");
}
void transaction(std::string_view body) {
  auto const read = api::read_transaction(body);
  check_reason(read);
  invariant(!read || !read->data.empty(), "a transaction has bytes");
}
void utxos(std::string_view body) {
  auto const read = api::read_utxos(body);
  check_reason(read);
  invariant(!read || (!read->empty() && read->size() <= 1000), "1 to 1000 ids");
}
void bundle_order(std::string_view body) {
  auto const read = api::read_bundle_order(body, kHrp);
  check_reason(read);
  if (!read) return;
  invariant(!read->outputs.empty(), "a bundle pays somebody");
  for (auto const& payee : read->outputs) invariant(payee.amount.value > 0, "something");
}
void new_webhook(std::string_view body) {
  auto const read = api::read_new_webhook(body);
  check_reason(read);
  if (!read) return;
  invariant(read->url && read->events.value_or(0) != 0, "where to, and what");
  check_reason(api::check_target(*read->url, std::nullopt, false));
}
void import(std::string_view body, api::AddressRows::Format format) {
  api::AddressRows whole(format, std::string(kHrp)), cut(format, std::string(kHrp));
  auto done = whole.feed(body);
  if (done) done = whole.finish();
  Result<void> cut_done;
  for (std::size_t at = 0; at < body.size() && cut_done; at += 7)
    cut_done = cut.feed(body.substr(at, 7));
  if (cut_done) cut_done = cut.finish();
  invariant(done.has_value() == cut_done.has_value(), "the cut means nothing");
  if (!done) return;
  invariant(whole.take().size() == cut.take().size(), "the same rows");
  invariant(whole.errors_total() == cut.errors_total(), "the same errors");
}

using Read = void (*)(std::string_view);
constexpr std::array<Read, 11> kReaders{
    &addresses,
    &transaction,
    &utxos,
    &bundle_order,
    &new_webhook,
    [](std::string_view body) { check_reason(api::read_webhook_change(body)); },
    [](std::string_view body) { check_reason(api::read_rotation(body)); },
    [](std::string_view body) { check_reason(api::read_redelivery(body)); },
    [](std::string_view body) {
      check_reason(api::read_address(body));
      check_reason(api::read_address_change(body));
      check_reason(api::read_reason(body));
    },
    [](std::string_view body) { import(body, api::AddressRows::Format::csv); },
    [](std::string_view body) { import(body, api::AddressRows::Format::ndjson); },
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size == 0) return 0;
  // A copy of its own, so that a sanitizer sees each step beyond its end.
  std::string const body(reinterpret_cast<char const*>(data) + 1, size - 1);
  kReaders[data[0] % kReaders.size()](body);
  return 0;
}
