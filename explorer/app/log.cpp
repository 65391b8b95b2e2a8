#include "explorer/app/log.hpp"

#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "proto/base/invariant.hpp"
#include "proto/base/json_writer.hpp"

namespace hotside::app {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::trace:
      return spdlog::level::trace;
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warn:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::string_view name_of(spdlog::level::level_enum level) {
  auto const name = spdlog::level::to_string_view(level);
  return {name.data(), name.size()};
}

void append(spdlog::memory_buf_t& out, std::string_view text) {
  out.append(text.data(), text.data() + text.size());
}

// A line break inside a text would let whoever wrote it forge an event.
std::string one_line(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  unsigned char before = 0;
  for (char const c : text) {
    auto const byte = static_cast<unsigned char>(c);
    // U+0080 to U+009F steer a terminal as well: U+009B begins what ESC [ begins.
    bool const is_c1 = before == 0xc2 && byte >= 0x80 && byte < 0xa0;
    if (is_c1) out.pop_back();
    if (byte >= 0x20 && byte != 0x7f && !is_c1)
      out += c;
    else
      ((out += "\\x") += digits[byte >> 4U]) += digits[byte & 15U];
    before = byte;
  }
  return out;
}

class Formatter final : public spdlog::formatter {
 public:
  explicit Formatter(LogFormat format) : format_(format) {}

  void format(spdlog::details::log_msg const& message, spdlog::memory_buf_t& out) override {
    auto const time = to_rfc3339(std::chrono::floor<std::chrono::milliseconds>(message.time));
    std::string_view const text(message.payload.data(), message.payload.size());
    if (format_ == LogFormat::json) {
      JsonWriter json;
      json.begin_object().key("at").string(time);
      json.key("level").string(name_of(message.level)).key("text").string(text).end_object();
      append(out, json.text());
    } else {
      append(out, time);
      append(out, " ");
      append(out, name_of(message.level));
      append(out, " ");
      append(out, one_line(text));
    }
    append(out, "\n");
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<Formatter>(format_);
  }

 private:
  LogFormat format_;
};

void flush_log(std::string_view what) {
  spdlog::critical("broken invariant: {}", what);
  spdlog::default_logger_raw()->flush();
}

}  // namespace

void start_log(LogLevel level, LogFormat format) {
  auto logger = std::make_shared<spdlog::logger>("hotside",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_formatter(std::make_unique<Formatter>(format));
  logger->set_level(level_of(level));
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
  on_invariant_broken(flush_log);
}

void set_log_level(LogLevel level) { spdlog::set_level(level_of(level)); }

}  // namespace hotside::app
