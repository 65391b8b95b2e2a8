#pragma once
// How a failure is said: a Result carries either a value or an Error whose Fault tells the caller
// what to do next. Exceptions of libraries are caught where the library is used.

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace hotside {

enum class Fault : std::uint8_t {  // what the caller does next, not where it happened
  transient,                       // try again after a delay
  peer,                            // the other side sent something wrong: drop it, count it
  rejected,                        // our caller asked for something invalid: tell them
  corrupt,                         // a contradiction, in our state or in finality: stop writing
};

struct Error {
  Fault fault = Fault::transient;
  std::string what;    // for a person: what, where, what to do
  std::string reason;  // for a counter: a short stable word such as "output_id"; may be empty
};

template <class T>
struct [[nodiscard]] Result : tl::expected<T, Error> {
  using tl::expected<T, Error>::expected;
  Result(tl::expected<T, Error> base) : tl::expected<T, Error>(std::move(base)) {}
};

inline tl::unexpected<Error> fail(Fault fault, std::string what, std::string reason = {}) {
  return tl::unexpected<Error>(Error{fault, std::move(what), std::move(reason)});
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace hotside

#define HS_CONCAT_(a, b) a##b
#define HS_CONCAT(a, b) HS_CONCAT_(a, b)

// HS_TRY(name, expr): declares `name` with the value of expr, or returns expr's error.
#define HS_TRY(name, expr)                                                   \
  auto HS_CONCAT(hs_try_, __LINE__) = (expr);                                \
  if (!HS_CONCAT(hs_try_, __LINE__))                                         \
    return ::hotside::fail(std::move(HS_CONCAT(hs_try_, __LINE__).error())); \
  auto name = std::move(*HS_CONCAT(hs_try_, __LINE__))

// HS_DO(expr): the same for an expression whose value is not needed.
#define HS_DO(expr)                                                                       \
  do {                                                                                    \
    if (auto hs_do_ = (expr); !hs_do_) return ::hotside::fail(std::move(hs_do_.error())); \
  } while (false)
