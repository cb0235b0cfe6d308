#include "ice/io/text_trace.hpp"

#include <array>
#include <charconv>
#include <cstdio>

#include "io/trace_text.hpp"

namespace ice::io {
namespace {

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c >= ' ' && c <= '~' && c != '"' && c != '\\') {
      out += c;
    } else {
      std::array<char, 5> code;
      std::snprintf(code.data(), code.size(), "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += code.data();
    }
  }
}

struct AppendValue {
  std::string& out;
  void operator()(std::int64_t value) const { append_number(out, value); }
  void operator()(std::uint64_t value) const { append_number(out, value); }
  void operator()(bool value) const { out += value ? "true" : "false"; }
  void operator()(std::string_view value) const {
    out += '"';
    append_escaped(out, value);
    out += '"';
  }
  void operator()(const Endpoint& value) const { append_endpoint(out, value); }
  void operator()(Duration value) const {
    append_seconds(out, value);
    out += 's';
  }
  void operator()(const std::error_code& value) const {
    out += value.category().name();
    out += ':';
    append_number(out, value.value());
  }
};

}  // namespace

void TextTrace::event(const TraceEvent& event) noexcept try {
  begin(event.at);
  line_ += event.name;
  if (event.source != 0) {
    line_ += " #";
    append_number(line_, event.source);
  }
  for (const TraceField& field : event.fields) {
    line_ += ' ';
    line_ += field.name;
    line_ += '=';
    std::visit(AppendValue{line_}, field.value);
  }
  end();
} catch (...) {
  output_.lost();
}

void TextTrace::packet(const TracePacket& packet) noexcept try {
  begin(packet.at);
  line_ += packet.direction == TracePacket::Direction::in ? "packet in local=" : "packet out local=";
  append_endpoint(line_, packet.local);
  line_ += " remote=";
  append_endpoint(line_, packet.remote);
  line_ += " size=";
  append_number(line_, packet.head.size() + packet.body.size());
  end();
} catch (...) {
  output_.lost();
}

void TextTrace::begin(TimePoint at) {
  line_.clear();
  append_seconds(line_, output_.since_start(at));
  constexpr std::size_t width = 15;  // so that lines of a day and a half stand below each other
  if (line_.size() < width) line_.insert(0, width - line_.size(), ' ');
  line_ += ' ';
}

void TextTrace::end() {
  line_ += '\n';
  output_.write(line_);
}

}  // namespace ice::io
