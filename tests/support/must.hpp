#pragma once
// What cannot fail in a test that means something else: it ends the test case, with the error.

#include <catch2/catch.hpp>
#include <utility>

#include "proto/base/result.hpp"

namespace hotside::test {

template <class T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().what);
  return std::move(*result);
}
inline void must(Result<void> const& result) {
  if (!result) FAIL(result.error().what);
}

}  // namespace hotside::test
