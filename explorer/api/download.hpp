#pragma once
// A Download's body, made by the reader threads as the client takes it.

#include <chrono>
#include <memory>
#include <string>

#include "explorer/api/asking.hpp"
#include "explorer/api/http_server.hpp"

namespace hotside::api {

// `limit` is for one piece. A full queue of readers is waited for within it: an answer that has
// begun should not break off because others came.
class DownloadBody final : public BodySource {
 public:
  DownloadBody(Asker& asker, Download download, std::chrono::milliseconds limit);

  boost::asio::awaitable<Asked<std::string>> first();
  boost::asio::awaitable<Result<std::string>> next() override;

 private:
  Asker& asker_;
  std::shared_ptr<Download> download_;  // work that comes late still uses it
  std::chrono::milliseconds limit_;
};

}  // namespace hotside::api
