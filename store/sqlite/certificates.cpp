#include "store/sqlite/certificates.hpp"

#include <algorithm>

#include "proto/base/sha3.hpp"

namespace hotside::store {

Certificate::Part certified(std::span<model::PublicPayment const> payments) {
  Certificate::Part part;
  std::vector<Hash> ids;
  ids.reserve(payments.size());
  for (auto const& payment : payments) {
    part.amount += payment.amount.value;
    ids.push_back(payment.id);
  }
  std::ranges::sort(ids);
  Sha3 sha;
  for (auto const& id : ids) sha.bytes(id.view());
  part.count = ids.size();
  part.hash = sha.finish();
  return part;
}

Hash certificate_hash(Certificate const& certificate, std::string_view hrp) {
  auto const part = [](Certificate::Part const& p) {
    return std::to_string(p.count) + " " + to_decimal(p.amount) + " " + p.hash.hex() + "\n";
  };
  Sha3 sha;
  sha.text("hotside-certificate 1\nnetwork " + std::string(hrp) + "\nepoch " +
           std::to_string(certificate.epoch.value) + "\nmacro " + certificate.macro_hash.hex() +
           "\npublic " + part(certificate.public_outputs) + "matched " + part(certificate.matched) +
           "feed " + certificate.feed + " " + std::to_string(certificate.feed_seq.value) +
           "\nprevious " + certificate.previous.hex() + "\n");
  return sha.finish();
}

namespace sqlite {
namespace {

// Decimal digits of any length that Sum holds.
std::optional<Sum> parse_sum(std::string_view text) {
  bool const is_negative = text.starts_with('-');
  if (is_negative) text.remove_prefix(1);
  if (text.empty() || text.size() > 38) return std::nullopt;
  Sum sum = 0;
  for (char const digit : text) {
    if (digit < '0' || digit > '9') return std::nullopt;
    sum = sum * 10 + (digit - '0');
  }
  return is_negative ? -sum : sum;
}

Result<Certificate::Part> read_part(Query& row) {
  Certificate::Part part;
  part.count = row.get_count();
  auto const amount = parse_sum(row.get_text());
  if (!amount) return fail(Fault::corrupt, "store: an amount of a certificate", "store");
  part.amount = *amount;
  part.hash = row.get_bytes<Hash>();
  return part;
}

}  // namespace

Result<void> SqliteCertificateWrites::append(Certificate certificate, std::string_view hrp) {
  {
    auto last = db_.query("SELECT hash FROM certificate ORDER BY epoch DESC LIMIT 1");
    HS_TRY(found, last.step());
    certificate.previous = found ? last.get_bytes<Hash>() : Hash{};
  }
  auto insert = db_.query(
      "INSERT INTO certificate (epoch, macro_hash, public_count, public_amount, public_hash,"
      " matched_count, matched_amount, matched_hash, feed, feed_seq, previous, hash)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  insert.epoch(certificate.epoch).bytes(certificate.macro_hash);
  for (auto const* part : {&certificate.public_outputs, &certificate.matched})
    insert.count(part->count).text(to_decimal(part->amount)).bytes(part->hash);
  return insert.text(certificate.feed)
      .count(certificate.feed_seq.value)
      .bytes(certificate.previous)
      .bytes(certificate_hash(certificate, hrp))
      .run();
}

Result<std::vector<Certificate>> SqliteCertificateReads::certificates(Epoch from,
                                                                      std::size_t limit) {
  auto row = db_.query(
      "SELECT epoch, macro_hash, public_count, public_amount, public_hash, matched_count,"
      " matched_amount, matched_hash, feed, feed_seq, previous, hash FROM certificate"
      " WHERE epoch >= ? ORDER BY epoch LIMIT ?");
  row.epoch(from).count(limit);
  std::vector<Certificate> found;
  while (true) {
    HS_TRY(more, row.step());
    if (!more) return found;
    Certificate next;
    next.epoch = row.get_epoch();
    next.macro_hash = row.get_bytes<Hash>();
    HS_TRY(all, read_part(row));
    HS_TRY(matched, read_part(row));
    next.public_outputs = all;
    next.matched = matched;
    next.feed = row.get_text();
    next.feed_seq = EventSeq(row.get_count());
    next.previous = row.get_bytes<Hash>();
    next.hash = row.get_bytes<Hash>();
    found.push_back(std::move(next));
  }
}

}  // namespace sqlite
}  // namespace hotside::store
