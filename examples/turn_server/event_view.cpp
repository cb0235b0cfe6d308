#include "turn_server/event_view.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <variant>
#include <vector>

namespace ice::turn_server {
namespace {

using programs::format_in;
using programs::Language;
using turn::AllocationClosed;
using turn::AllocationOpened;

boost::json::array texts_of(const std::vector<Endpoint>& endpoints) {
  boost::json::array texts;
  for (const Endpoint& one : endpoints) texts.emplace_back(one.to_string());
  return texts;
}

std::vector<Endpoint> relayed_of(const AllocationOpened& opened) {
  std::vector<Endpoint> all;
  for (const Endpoint& one : {opened.relayed_v4, opened.relayed_v6})
    if (one) all.push_back(one);
  return all;
}

std::string list_of(const std::vector<Endpoint>& endpoints) {
  std::string text;
  for (const Endpoint& one : endpoints) text += (text.empty() ? "" : ", ") + one.to_string();
  return text;
}

/// A word of programs: "connection-closed".
std::string word_of(AllocationClosed::Why why) {
  std::string word{to_string(why)};
  std::replace(word.begin(), word.end(), ' ', '-');
  return word;
}

std::string_view reason_of(AllocationClosed::Why why, Language language) {
  using Why = AllocationClosed::Why;
  if (language == Language::en) return to_string(why);
  switch (why) {
    case Why::released:
      return "반납";
    case Why::expired:
      return "만료";
    case Why::connection_closed:
      return "연결 종료";
    case Why::relay_lost:
      return "릴레이 소켓 상실";
    case Why::user_removed:
      return "사용자 삭제";
    case Why::server_closed:
      return "서버 종료";
  }
  return "";
}

}  // namespace

boost::json::object to_json(const Ready& ready) {
  const std::vector<Endpoint>& plain = ready.bound.plain;
  const std::vector<Endpoint>& secured = ready.bound.secured;
  boost::json::object object{{"event", "ready"},
                             {"ice", (plain.empty() ? secured : plain).front().to_string()},
                             {"ice_all", texts_of(plain)},
                             {"tls_all", texts_of(secured)},
                             {"rfc5780", ready.rfc5780}};
  if (ready.metrics) object["metrics"] = ready.metrics.to_string();
  return object;
}

std::string to_text(const Ready& ready, Language language) {
  std::string text;
  const auto add = [&](std::string line) { text += (text.empty() ? "" : "\n") + std::move(line); };
  if (!ready.bound.plain.empty())
    add(format_in(language, "STUN and TURN on {}", "STUN과 TURN {}", list_of(ready.bound.plain)));
  if (!ready.bound.secured.empty()) {
    add(format_in(language, "over TLS and DTLS on {}", "TLS와 DTLS {}", list_of(ready.bound.secured)));
  }
  if (ready.rfc5780) {
    add(format_in(language, "NAT behaviour discovery (RFC 5780), second port {}",
                  "NAT 동작 탐지(RFC 5780), 둘째 포트 {}", ready.bound.alternate_port));
  }
  if (ready.metrics)
    add(format_in(language, "metrics on http://{}/metrics", "지표 http://{}/metrics", ready.metrics.to_string()));
  return text;
}

boost::json::object to_json(const turn::Server::Event& event) {
  if (const auto* opened = std::get_if<AllocationOpened>(&event)) {
    return {{"event", "allocation-opened"},
            {"user", opened->user},
            {"client", opened->client.to_string()},
            {"transport", to_string(opened->transport)},
            {"relayed", texts_of(relayed_of(*opened))}};
  }
  const auto& closed = std::get<AllocationClosed>(event);
  return {{"event", "allocation-closed"},
          {"user", closed.user},
          {"client", closed.client.to_string()},
          {"cause", word_of(closed.why)},
          {"to_peers_bytes", closed.to_peers_bytes},
          {"to_client_bytes", closed.to_client_bytes}};
}

std::string to_text(const turn::Server::Event& event, Language language) {
  if (const auto* opened = std::get_if<AllocationOpened>(&event)) {
    return format_in(language, "{0} at {1} over {2} is relayed by {3}", "{0} ({1}, {2}) 릴레이 {3}", opened->user,
                     opened->client.to_string(), to_string(opened->transport), list_of(relayed_of(*opened)));
  }
  const auto& closed = std::get<AllocationClosed>(event);
  return format_in(language, "{0} at {1}: {2}, after {3} bytes to peers and {4} back",
                   "{0} ({1}): {2}, 상대에게 {3}바이트, 돌아온 {4}바이트", closed.user, closed.client.to_string(),
                   reason_of(closed.why, language), closed.to_peers_bytes, closed.to_client_bytes);
}

}  // namespace ice::turn_server
