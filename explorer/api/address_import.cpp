// POST /v1/addresses/import: of the rows, never more than two batches are in memory, one being
// written while the next is read. Each batch is a transaction of its own, behind the blocks that
// wait, so that an import of any length delays no block by more than one batch takes.

#include <algorithm>
#include <mutex>

#include "explorer/api/address_rows.hpp"
#include "explorer/api/handlers.hpp"
#include "explorer/api/perform.hpp"

namespace hotside::api {
namespace {

constexpr std::size_t kBatchRows = 2'000;
constexpr std::size_t kBatchHistory = 2'000;  // past payments to tell of in one transaction

using More = std::function<void(Asked<void>)>;

// Pieces are taken one at a time; only the end of a batch comes in between, from the writer.
class AddressImport final : public Upload, public std::enable_shared_from_this<AddressImport> {
 public:
  AddressImport(Context const& context, Call const& call, AddressRows::Format format)
      : context_(context), call_(call), rows_(format, context.options.hrp) {}

  void take(std::string piece, More more) override;
  void finish(std::function<void(Answer)> done) override;

 private:
  struct Batch {
    std::vector<model::NewAddress> addresses;
    std::size_t done = 0;
    store::Registering made;  // by the transaction that is under way
  };

  void when_written(std::function<void()> next);
  void write_rows();
  void write(std::shared_ptr<Batch> batch);
  void written(std::shared_ptr<Batch> const& batch, Result<void> result);
  Answer answer() const;

  Context const& context_;
  Call call_;
  AddressRows rows_;

  std::mutex mutex_;  // guards what follows
  bool is_writing_ = false;
  std::optional<Error> failed_;
  model::Registered count_;
  std::function<void()> next_;  // waits for the batch that is being written
};

void AddressImport::take(std::string piece, More more) {
  if (auto const read = rows_.feed(piece); !read)
    return more(refuse(Problem::invalid_body, read.error().what));
  if (rows_.ready() < kBatchRows) return more({});
  when_written([self = shared_from_this(), more = std::move(more)] {
    if (self->failed_) return more(tl::unexpected<Refusal>(Refusal(*self->failed_)));
    self->write_rows();
    more({});
  });
}

void AddressImport::finish(std::function<void(Answer)> done) {
  if (auto const read = rows_.finish(); !read)
    return done(refuse(Problem::invalid_body, read.error().what));
  auto const end = [self = shared_from_this(), done = std::move(done)] {
    if (self->failed_) return done(tl::unexpected<Refusal>(Refusal(*self->failed_)));
    done(self->answer());
  };
  when_written([self = shared_from_this(), end] {
    if (self->failed_ || self->rows_.ready() == 0) return end();
    self->write_rows();
    self->when_written(end);
  });
}

// Runs `next` when no batch is being written: here, or on the writer's thread later.
void AddressImport::when_written(std::function<void()> next) {
  {
    std::lock_guard const lock(mutex_);
    if (is_writing_) {
      next_ = std::move(next);
      return;
    }
  }
  next();
}

void AddressImport::write_rows() {
  auto batch = std::make_shared<Batch>();
  batch->addresses = rows_.take();
  {
    std::lock_guard const lock(mutex_);
    is_writing_ = true;
  }
  write(std::move(batch));
}

void AddressImport::write(std::shared_ptr<Batch> batch) {
  auto work = [self = shared_from_this(), batch](store::WriteTxn& txn) -> Result<void> {
    auto const& ports = self->context_.ports;
    auto const rest = std::span<model::NewAddress const>(batch->addresses).subspan(batch->done);
    HS_TRY(made, ports.addresses.add(txn, rest, kBatchHistory));
    batch->made = made;
    auto const entry = audit_entry(self->call_, "address.import",
                                   std::to_string(made.count.created) + " created, " +
                                       std::to_string(made.count.existing) + " existing");
    return txn.audit().append(entry, ports.clock.now());
  };
  auto end = [self = shared_from_this(), batch](Result<void> result) {
    self->written(batch, std::move(result));
  };
  context_.ports.desk.write(std::move(work), std::move(end));
}

void AddressImport::written(std::shared_ptr<Batch> const& batch, Result<void> result) {
  std::function<void()> next;
  {
    std::lock_guard const lock(mutex_);
    if (result) {
      batch->done += batch->made.taken;
      count_.created += batch->made.count.created;
      count_.existing += batch->made.count.existing;
    } else {
      failed_ = std::move(result.error());
    }
    is_writing_ = !failed_ && batch->done < batch->addresses.size();
    if (!is_writing_) next = std::exchange(next_, nullptr);
  }
  if (next) return next();
  if (result && batch->done < batch->addresses.size()) write(batch);
}

Answer AddressImport::answer() const {
  JsonWriter json;
  json.begin_object();
  json.key("created").unsigned_integer(count_.created);
  json.key("existing").unsigned_integer(count_.existing);
  json.key("errors").begin_array();
  for (auto const& bad : rows_.errors()) {
    json.begin_object();
    json.key("line").unsigned_integer(bad.line);
    json.key("error").string(bad.error);
    json.end_object();
  }
  json.end_array();
  json.key("errors_total").unsigned_integer(rows_.errors_total());
  json.end_object();
  return json_response(json.take());
}

}  // namespace

Asked<std::shared_ptr<Upload>> import_addresses(Context const& context, Call const& call) {
  auto const format =
      call.content_type == "text/csv" ? AddressRows::Format::csv : AddressRows::Format::ndjson;
  return std::shared_ptr<Upload>(std::make_shared<AddressImport>(context, call, format));
}

}  // namespace hotside::api
