#include <sodium.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "explorer/api/rows.hpp"
#include "explorer/app/commands/commands.hpp"
#include "explorer/app/commands/print.hpp"
#include "explorer/app/files.hpp"
#include "explorer/cold/paper.hpp"
#include "explorer/cold/verify.hpp"
#include "proto/base/json_writer.hpp"

namespace hotside::app {
namespace {

constexpr std::size_t kFileMax = 64U << 20U;

struct Payout {
  std::string address;
  std::int64_t amount = 0;
};

// "12.5" as µSTG; at most six decimals.
std::optional<std::int64_t> parse_stg(std::string_view text) {
  auto const point = text.find('.');
  auto const whole = parse_u64(text.substr(0, point));
  std::string decimals(point == std::string_view::npos ? "" : text.substr(point + 1));
  if (!whole || decimals.size() > 6 || (point != std::string_view::npos && decimals.empty()))
    return std::nullopt;
  decimals.resize(6, '0');
  auto const part = parse_u64(decimals);
  if (!part || *whole > static_cast<std::uint64_t>(INT64_MAX / kMicroPerStg) - 1)
    return std::nullopt;
  return static_cast<std::int64_t>(*whole) * kMicroPerStg + static_cast<std::int64_t>(*part);
}

// CSV with the header address,amount; at most 1 MiB, far more than a bundle's payouts.
Result<void> read_payouts(std::string const& file, std::vector<Payout>& payouts) {
  HS_TRY(text, read_small_file(file));
  std::string wrong;
  bool is_header = true;
  auto const take = [&](api::CsvRow& row) {
    if (!wrong.empty()) return;
    auto const amount = row.fields.size() == 2 ? parse_i64(row.fields[1]) : std::nullopt;
    if (!row.error.empty())
      wrong = std::to_string(row.line) + ": " + std::string(row.error);
    else if (is_header && row.fields != std::vector<std::string>{"address", "amount"})
      wrong = std::to_string(row.line) + ": the header is not address,amount";
    else if (!is_header && !amount)
      wrong = std::to_string(row.line) + ": not an address and an integer amount in µSTG";
    else if (!is_header)
      payouts.push_back({std::move(row.fields[0]), *amount});
    is_header = false;
  };
  api::CsvReader rows;
  rows.feed(text, take);
  rows.finish(take);
  if (is_header) wrong = "1: the header is not address,amount";
  if (!wrong.empty()) return fail(Fault::rejected, file + ":" + wrong);
  return {};
}

Result<std::vector<Payout>> payouts_of(NewBundle const& order) {
  std::vector<Payout> payouts;
  for (auto const& text : order.pay) {
    auto const sign = text.find('=');
    auto const amount = sign == std::string::npos
                            ? std::nullopt
                            : parse_stg(std::string_view(text).substr(sign + 1));
    if (!amount) return fail(Fault::rejected, "--pay: \"" + text + "\" is not ADDRESS=STG");
    payouts.push_back({text.substr(0, sign), *amount});
  }
  if (!order.outputs_file.empty()) HS_DO(read_payouts(order.outputs_file, payouts));
  return payouts;
}

Result<std::string> body_of(NewBundle const& order) {
  HS_TRY(payouts, payouts_of(order));
  if (payouts.empty()) return fail(Fault::rejected, "give payouts by --pay or --outputs");
  JsonWriter json;
  json.begin_object().key("outputs").begin_array();
  for (auto const& [address, amount] : payouts)
    json.begin_object().key("recipient").string(address).key("amount").integer(amount).end_object();
  json.end_array();
  if (!order.from.empty()) {
    json.key("from").begin_array();
    for (auto const& source : order.from) json.string(source);
    json.end_array();
  }
  if (!order.change.empty()) json.key("change").string(order.change);
  json.key("fee");
  if (auto const fee = parse_i64(order.fee))
    json.integer(*fee);
  else
    json.string(order.fee);
  json.key("split").boolean(order.split);
  json.key("expires_in").unsigned_integer(order.expires_in);
  json.end_object();
  return json.take();
}

std::string new_key() {
  std::array<std::uint8_t, 16> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  return to_hex(bytes);
}

Result<std::string> read_bundle_file(std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Fault::rejected, "cannot read " + path);
  std::string text;
  std::array<char, 64 * 1024> piece{};
  while (file.read(piece.data(), piece.size()) || file.gcount() > 0) {
    text.append(piece.data(), static_cast<std::size_t>(file.gcount()));
    if (text.size() > kFileMax) return fail(Fault::rejected, path + " is larger than 64 MiB");
  }
  if (file.bad()) return fail(Fault::rejected, "cannot read " + path);
  return text;
}

// To the standard output, or whole into a file: a file that is there is whole.
Result<void> put(std::string const& path, std::string const& text) {
  if (path.empty()) {
    std::cout << text;
    return {};
  }
  auto const beside = path + ".part";
  {
    std::ofstream file(beside, std::ios::binary | std::ios::trunc);
    file << text;
    file.close();
    if (!file) return fail(Fault::rejected, "cannot write " + beside);
  }
  std::error_code error;
  std::filesystem::rename(beside, path, error);
  if (error) return fail(Fault::rejected, "cannot write " + path + ": " + error.message());
  return {};
}

bool is_file(std::string const& what) {
  std::error_code error;
  return std::filesystem::is_regular_file(what, error);
}

void say_problems(cold::Verified const& verified) {
  for (auto const& problem : verified.problems) std::cerr << "hotside: " << problem << '\n';
}

// What is in the text, for a person; a text that does not verify is shown to nobody.
Result<std::string> shown(std::string const& text, bool html) {
  auto const verified = cold::verify_bundle(text);
  // That a bundle has ended is worth showing.
  bool const is_live =
      verified.state == model::BundleState::open || verified.state == model::BundleState::relayed;
  if (verified.problems.size() > (is_live ? 0U : 1U)) {
    say_problems(verified);
    return fail(Fault::rejected, "the bundle does not verify");
  }
  if (html) return cold::paper(verified.document);
  std::string lines;
  for (auto const& line : cold::summary_of(verified.document)) lines += line + '\n';
  lines += "state " + std::string(model::to_string(verified.state)) + '\n';
  return lines + "manifest " + verified.manifest.hex() + '\n';
}

}  // namespace

int bundle_create(Access const& access, NewBundle const& order) {
  auto const client = Client::open(access);
  if (!client) return complain(client.error(), kUsage);
  auto const body = body_of(order);
  if (!body) return complain(body.error(), kUsage);
  auto const key = order.key.empty() ? new_key() : order.key;
  auto const answer = client->send("POST", "/v1/bundles", *body, key);
  if (!answer) {
    if (answer.error().fault == Fault::transient)
      std::cerr << "hotside: it may have been made; repeat with --idempotency-key " << key << '\n';
    return complain(answer.error());
  }
  // What is carried to the offline side is checked here first.
  auto const summary = shown(*answer, false);
  if (!summary) return complain(summary.error());
  if (auto const done = put(order.output, *answer + "\n"); !done) return complain(done.error());
  if (!order.output.empty() && !access.json) std::cout << *summary;
  return kDone;
}

int bundle_show(Access const& access, ShownBundle const& wanted) {
  bool const has_file = is_file(wanted.what);
  auto const client = has_file ? Result<Client>(fail(Fault::rejected, {})) : Client::open(access);
  if (!has_file && !client) return complain(client.error(), kUsage);
  auto const text = has_file ? read_bundle_file(wanted.what)
                             : client->get("/v1/bundles/" + url_encode(wanted.what));
  if (!text) return complain(text.error());
  auto const page = access.json ? Result<std::string>(*text + "\n") : shown(*text, wanted.html);
  if (!page) return complain(page.error());
  if (auto const done = put(wanted.output, *page); !done) return complain(done.error());
  return kDone;
}

int bundle_release(Access const& access, std::string const& id) {
  return show_answer(
      access,
      [&](Client const& client) {
        return client.send("DELETE", "/v1/bundles/" + url_encode(id), {});
      },
      [](Json const&) { std::cout << "released\n"; });
}

int bundle_verify(std::string const& file, std::string const& manifest, std::string const& network,
                  bool json) {
  cold::Expectation expected;
  if (!network.empty()) expected.network = network;
  if (!manifest.empty()) {
    expected.manifest = Hash::from_hex(manifest);
    if (!expected.manifest)
      return complain({Fault::rejected, "--manifest: not 64 hex digits", {}}, kUsage);
  }
  auto const text = read_bundle_file(file);
  if (!text) return complain(text.error());
  auto const verified = cold::verify_bundle(*text, expected);
  bool const is_good = verified.problems.empty();
  if (json) {
    JsonWriter out;
    out.begin_object().key("good").boolean(is_good).key("manifest");
    if (is_good)
      out.string(verified.manifest.hex());
    else
      out.null();
    out.key("problems").begin_array();
    for (auto const& problem : verified.problems) out.string(problem);
    out.end_array().end_object();
    std::cout << out.text() << '\n';
    return is_good ? kDone : kFailed;
  }
  say_problems(verified);
  if (!is_good) {
    std::cerr << "hotside: " << file << ": do not sign this, " << verified.problems.size()
              << " things are wrong\n";
    return kFailed;
  }
  for (auto const& line : cold::summary_of(verified.document)) std::cout << line << '\n';
  std::cout << "manifest " << verified.manifest.hex() << '\n';
  if (system_clock().now() >= verified.document.expires_at)
    std::cerr << "hotside: by this machine's clock the bundle has expired: its inputs may be "
                 "reserved by another one\n";
  return kDone;
}

}  // namespace hotside::app
