#pragma once
// Walks over JSON text where it lies: the members of an object, the elements of an array, each
// value as the piece of text it is. Nothing is built and nothing is copied, so a macro block of
// hundreds of megabytes costs no memory beyond its frame (an index of the whole text, as general
// parsers make, would be as large again). Strings are respected, nesting is bounded, brackets must
// match; what a value means is checked by whoever reads it.

#include <cstddef>
#include <string_view>

namespace hotside::wire {

inline constexpr unsigned kJsonDepthMax = 64;

class JsonCursor {
 public:
  bool is_broken() const { return broken_; }

 protected:
  JsonCursor(std::string_view text, char open, char close);
  // Moves to the next value of the list; false at its end and when the text is broken.
  bool advance();
  bool take(char expected);
  std::string_view take_value();
  bool stop(bool broken);
  void skip_space();

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  char close_;
  bool first_ = true, ended_ = false, broken_ = false;
};

// for (JsonMembers m(object); m.next();) use(m.key(), m.value()); and then m.is_broken().
class JsonMembers : public JsonCursor {
 public:
  explicit JsonMembers(std::string_view object) : JsonCursor(object, '{', '}') {}
  bool next();
  std::string_view key() const { return key_; }  // between its quotes, escapes untouched
  std::string_view value() const { return value_; }

 private:
  std::string_view key_, value_;
};

class JsonElements : public JsonCursor {
 public:
  explicit JsonElements(std::string_view array) : JsonCursor(array, '[', ']') {}
  bool next();
  std::string_view value() const { return value_; }

 private:
  std::string_view value_;
};

}  // namespace hotside::wire
