// Boost.JSON, compiled once: the DOM that bench_codec compares with.
#include <boost/json/src.hpp>
