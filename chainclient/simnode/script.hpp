#pragma once
// Scripts: one action per line, `#` comments, `repeat N` … `end`. Parsed whole before anything
// runs, so that an error names its line at once.

#include <string>
#include <string_view>
#include <vector>

#include "proto/base/result.hpp"

namespace hotside::simnode {

std::vector<std::string> split_words(std::string_view line);  // comment cut off

struct Command {
  std::size_t line = 0;
  std::vector<std::string> words;
};

class Script {
 public:
  static Result<Script> parse(std::string_view text);
  // The next command, loops unrolled; null at the end.
  Command const* next();
  std::size_t line() const { return line_; }

 private:
  struct Loop {
    std::size_t begin = 0;
    std::uint64_t left = 0;
  };
  std::vector<Command> commands_;
  std::vector<Loop> loops_;
  std::size_t at_ = 0, line_ = 0;
};

}  // namespace hotside::simnode
