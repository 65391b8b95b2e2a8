#pragma once
// What the commands share in saying things to a person.

#include <simdjson.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "explorer/app/client.hpp"
#include "explorer/app/commands/commands.hpp"

namespace hotside::app {

using Json = simdjson::dom::element;

// A member as text for a person: texts without quotes, null as "-", numbers as they are.
std::string text_at(Json const& object, std::string_view key);

struct Table {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
};
void print_table(Table const& table);

// "name  value" lines of an object, one for each member that is no object or list; those are
// followed with their name in front ("committed.count").
void print_members(Json const& object, std::string const& prefix = {});

// An event of the feed in plain words, on one line.
enum class Ids : std::uint8_t { full, brief };  // brief: for the eye, the middle left out
std::string in_words(Json const& event, Ids ids = Ids::full);

int complain(Error const& error, int code = kFailed);  // on the standard error; gives `code`

// Opens the client, makes the request, and shows the answer: as it came with --json, else parsed.
int show_answer(Access const& access, std::function<Result<std::string>(Client const&)> const& ask,
                std::function<void(Json const&)> const& show);

// The same for a list: page after page, at most `limit` rows. With --json one page a line.
int show_pages(Access const& access, std::string const& path, std::string const& query,
               std::uint64_t limit, std::function<void(Json const&)> const& show);

}  // namespace hotside::app
