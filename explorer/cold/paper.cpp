#include "explorer/cold/paper.hpp"

#include <qrencode.h>

#include <memory>

#include "proto/model/address.hpp"

namespace hotside::cold {
namespace {

// The texts of a bundle hold no character that HTML would read as its own, but what a page shows is
// escaped all the same.
std::string escaped(std::string_view text) {
  std::string out;
  for (char const c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else
      out.push_back(c);
  }
  return out;
}

// One path of unit squares, with the four modules of quiet zone that readers need.
Result<std::string> qr_svg(std::string const& text) {
  std::unique_ptr<QRcode, decltype(&QRcode_free)> const code(
      QRcode_encodeString8bit(text.c_str(), 0, QR_ECLEVEL_M), &QRcode_free);
  if (!code) return fail(Fault::transient, "the QR code could not be made");
  int const width = code->width;
  std::string path;
  for (int y = 0; y < width; ++y)
    for (int x = 0; x < width; ++x)
      if ((code->data[y * width + x] & 1) != 0)
        path += "M" + std::to_string(x + 4) + " " + std::to_string(y + 4) + "h1v1h-1z";
  auto const size = std::to_string(width + 8);
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + size + " " + size +
         "\" role=\"img\" aria-label=\"the manifest as a QR code\"><rect width=\"" + size +
         "\" height=\"" + size + "\" fill=\"#fff\"/><path d=\"" + path + "\"/></svg>";
}

std::string row(std::string const& what, std::string const& where, Sum amount) {
  return "<tr><td>" + what + "</td><td class=\"mono\">" + escaped(where) +
         "</td><td class=\"amount\">" + to_stg(amount) + "</td></tr>\n";
}

std::string request_html(model::BundleRequest const& request, std::string const& hrp,
                         std::size_t number) {
  Sum in = 0;
  for (auto const& coin : request.inputs) in += coin.amount.value;
  std::string html = "<h2>Request " + std::to_string(number) +
                     "</h2>\n<table><tr><th></th><th></th><th>STG</th></tr>\n";
  html += row("from (" + std::to_string(request.inputs.size()) + " inputs)",
              model::to_address(hrp, request.source), in);
  for (std::size_t i = 0; i < request.outputs.size(); ++i) {
    auto const& output = request.outputs[i];
    bool const is_change = request.change && i + 1 == request.outputs.size();
    html += row(is_change ? "change" : "pay", model::to_address(hrp, output.recipient),
                output.amount.value);
  }
  return html + row("fee", "", request.fee.value) + "</table>\n";
}

}  // namespace

Result<std::string> paper(Document const& document) {
  HS_TRY(manifest, manifest_of(document));
  HS_TRY(svg, qr_svg(manifest.hex()));
  auto const id = escaped(document.id);
  std::string html =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Bundle " + id +
      "</title>\n<style>body{font:11pt sans-serif;margin:2cm;color:#000;background:#fff}"
      ".mono{font-family:monospace;overflow-wrap:anywhere}svg{width:6cm;height:6cm}"
      "table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #999;"
      "padding:2mm;text-align:left;vertical-align:top}.amount{text-align:right;"
      "font-variant-numeric:tabular-nums}h2{break-after:avoid}tr{break-inside:avoid}</style>"
      "</head><body>\n";
  html += "<h1>Bundle <span class=\"mono\">" + id + "</span></h1>\n<p>Network " +
          escaped(document.network.name) + " · made " + to_rfc3339(document.created_at) +
          " · valid until " + to_rfc3339(document.expires_at) + " · " +
          std::to_string(document.requests.size()) + " to sign</p>\n";
  html +=
      "<p>Manifest (SHA3-256), to be compared on the offline side with<br><span "
      "class=\"mono\">hotside bundle verify FILE --manifest " +
      manifest.hex() + "</span></p>\n" + svg + "\n";
  std::size_t number = 0;
  for (auto const& request : document.requests)
    html += request_html(request, document.network.hrp, ++number);
  html += "<p>Checked and signed by: ______________________ Date: ____________</p>\n";
  return html + "</body></html>\n";
}

}  // namespace hotside::cold
