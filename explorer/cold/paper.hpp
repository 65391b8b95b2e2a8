#pragma once
// A bundle as a page to print: the summary, and its manifest as text and as a QR code.

#include <string>

#include "explorer/cold/document.hpp"
#include "proto/base/result.hpp"

namespace hotside::cold {

// HTML that needs nothing beside itself.
Result<std::string> paper(Document const& document);

}  // namespace hotside::cold
