#pragma once
// What a handler is given and what it gives back.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "explorer/api/api_server.hpp"
#include "explorer/api/http.hpp"
#include "explorer/api/problem.hpp"
#include "explorer/api/tokens.hpp"
#include "store/store.hpp"

namespace hotside::api {

struct Context {
  ApiOptions const& options;
  ApiPorts const& ports;
};

// One request that has found its route.
struct Call {
  std::string_view method, path;             // of the route: its template
  std::string path_parameter;                // the {…} of the route, decoded
  std::map<std::string, std::string> query;  // only names that the route knows
  std::string body;
  std::string content_type;  // one of the route's, without parameters, in lower case
  std::string if_none_match, accept_encoding, last_event_id;
  std::optional<std::string> idempotency_key;
  Caller caller;
  std::string request_id;
};

// Why a request is not answered as asked.
struct Refusal {
  Problem problem = Problem::internal;
  std::string detail;
  std::string members;  // JSON members of this problem beside the common ones, or empty
  Refusal(Problem p, std::string why, std::string more = {})
      : problem(p), detail(std::move(why)), members(std::move(more)) {}
  Refusal(Error const& error) : problem(problem_of(error)), detail(error.what) {}
};
template <class T>
using Asked = tl::expected<T, Refusal>;
using Answer = Asked<Response>;
inline tl::unexpected<Refusal> refuse(Problem problem, std::string detail,
                                      std::string members = {}) {
  return tl::unexpected<Refusal>(Refusal(problem, std::move(detail), std::move(members)));
}

// On the network thread: must not touch disk or store.
using PlainHandler = Answer (*)(Context const&, Call const&);
// On a reader thread, everything from this one snapshot.
using ReadHandler = Answer (*)(Context const&, Call const&, store::Snapshot&);
// Like a ReadHandler, but it also answers when the store cannot be read (then `snapshot` is null
// and `fault` says why): health must not fall silent with what it watches.
using HealthHandler = Answer (*)(Context const&, Call const&, store::Snapshot* snapshot,
                                 std::string const& fault);
// On a reader thread; reads the request, hands the work to the writer, and calls `done` once, from
// any thread.
using WriteHandler = void (*)(Context const&, Call const&, std::function<void(Answer)> done);

// On a reader thread; reads from the snapshot, which goes when it returns, may ask somebody else,
// and calls `done` once, from any thread.
using LookupHandler = void (*)(Context const&, Call const&, store::Snapshot&,
                               std::function<void(Answer)> done);

// What is too long to be held in memory goes in pieces of about this size.
inline constexpr std::size_t kPieceBytes = std::size_t{64} * 1024;

// An answer in pieces, each made from a snapshot of its own: a slow client holds none, so a list
// goes on by key. The next piece is made when the client has taken the one before.
struct Download {
  Response head;  // of the answer; its body stays empty
  // On a reader thread, one call at a time. An empty piece ends the answer. A first piece that
  // fails is a refusal; a later one breaks the connection off, so that the client sees that it has
  // not got everything.
  std::function<Asked<std::string>(store::Snapshot&)> next;
};
// On the network thread: must not touch disk or store.
using DownloadHandler = Asked<Download> (*)(Context const&, Call const&);

// A body in pieces; Call::body stays empty. The next piece is read from the client when the one
// before was taken. When the client goes away, or an answer takes longer than
// HttpLimits::write_answer_timeout, the upload is dropped without another call; it may then still
// be inside one, which keeps it alive.
class Upload {
 public:
  virtual ~Upload() = default;
  // On a reader thread; the cut between pieces means nothing. Calls `more` once, from any thread;
  // a refusal is the answer at once, and the rest is not read.
  virtual void take(std::string piece, std::function<void(Asked<void>)> more) = 0;
  // On a reader thread, after the last piece; calls `done` once, from any thread.
  virtual void finish(std::function<void(Answer)> done) = 0;
};
// On the network thread, before the body is asked for: must not touch disk or store. The context
// outlives the upload.
using UploadHandler = Asked<std::shared_ptr<Upload>> (*)(Context const&, Call const&);

}  // namespace hotside::api

// HS_ASK(name, expr): declares `name` with the value of expr, or returns expr's error as a refusal.
#define HS_ASK(name, expr)                                                         \
  auto HS_CONCAT(hs_ask_, __LINE__) = (expr);                                      \
  if (!HS_CONCAT(hs_ask_, __LINE__))                                               \
    return ::tl::unexpected<::hotside::api::Refusal>(                              \
        ::hotside::api::Refusal(std::move(HS_CONCAT(hs_ask_, __LINE__).error()))); \
  auto name = std::move(*HS_CONCAT(hs_ask_, __LINE__))
