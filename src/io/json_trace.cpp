#include "ice/io/json_trace.hpp"

#include <utf8proc.h>

#include <array>
#include <cstdio>

#include "io/trace_text.hpp"

namespace ice::io {
namespace {

// RFC 8259 §7. By hand and not by Boost.JSON, whose code could then not be compiled into the application again. What is
// no UTF-8 becomes U+FFFD.
void append_string(std::string& out, std::string_view text) {
  out += '"';
  const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  const auto* const end = at + text.size();
  while (at != end) {
    utf8proc_int32_t code_point = 0;
    const utf8proc_ssize_t size = utf8proc_iterate(at, end - at, &code_point);
    if (size <= 0) {
      out += "\\ufffd";
      ++at;
      continue;
    }
    if (code_point < 0x20 || code_point == '"' || code_point == '\\') {
      std::array<char, 7> code;
      std::snprintf(code.data(), code.size(), "\\u%04x", static_cast<unsigned>(code_point));
      out += code.data();
    } else {
      out.append(reinterpret_cast<const char*>(at), static_cast<std::size_t>(size));
    }
    at += size;
  }
  out += '"';
}

void append_name(std::string& out, std::string_view name) {
  out += out.size() == 1 ? "" : ",";
  append_string(out, name);
  out += ':';
}

struct AppendValue {
  std::string& out;
  void operator()(std::int64_t value) const { append_number(out, value); }
  void operator()(std::uint64_t value) const { append_number(out, value); }
  void operator()(bool value) const { out += value ? "true" : "false"; }
  void operator()(std::string_view value) const { append_string(out, value); }
  void operator()(const Endpoint& value) const {
    out += '"';
    append_endpoint(out, value);
    out += '"';
  }
  void operator()(Duration value) const { append_seconds(out, value); }
  void operator()(const std::error_code& value) const {
    append_string(out, std::string{value.category().name()} + ':' + std::to_string(value.value()));
  }
};

template <class T>
void append(std::string& out, std::string_view name, const T& value) {
  append_name(out, name);
  AppendValue{out}(value);
}

}  // namespace

void JsonLinesTrace::event(const TraceEvent& event) noexcept try {
  line_ = '{';
  append(line_, "event", event.name);
  append(line_, "time", output_.since_epoch(event.at));
  if (event.source != 0) append(line_, "source", std::string_view{std::to_string(event.source)});
  for (const TraceField& field : event.fields) {
    append_name(line_, field.name);
    std::visit(AppendValue{line_}, field.value);
  }
  line_ += "}\n";
  output_.write(line_);
} catch (...) {
  output_.lost();
}

void JsonLinesTrace::packet(const TracePacket& packet) noexcept try {
  line_ = '{';
  append(line_, "event", std::string_view{"packet"});
  append(line_, "time", output_.since_epoch(packet.at));
  append(line_, "direction", std::string_view{packet.direction == TracePacket::Direction::in ? "in" : "out"});
  append(line_, "local", packet.local);
  append(line_, "remote", packet.remote);
  append(line_, "size", std::uint64_t{packet.head.size() + packet.body.size()});
  line_ += "}\n";
  output_.write(line_);
} catch (...) {
  output_.lost();
}

}  // namespace ice::io
