#include "mesh_demo/event_view.hpp"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <chrono>

#include "common/utf8.hpp"
#include "mesh_demo/cause_text.hpp"

namespace ice::mesh {
namespace {

using programs::Colour;
using programs::format_in;
using programs::Language;
using programs::Output;
using programs::Text;
using programs::to_printable;

std::int64_t milliseconds(Duration duration) { return std::chrono::round<std::chrono::milliseconds>(duration).count(); }

boost::json::object about(std::string_view event, std::string_view self, std::string_view peer) {
  return {{"event", event}, {"self", self}, {"peer", peer}};
}

boost::json::object with_cause(boost::json::object object, const EndCause& cause, Language language) {
  object["cause"] = to_string(cause);
  object["text"] = text_of(cause).text.in(language);
  return object;
}

boost::json::object to_json(std::string_view self, std::string_view peer, const CallConnected& connected) {
  boost::json::object object = about("connected", self, peer);
  object["attempt"] = connected.attempt;
  object["role"] = to_string(connected.role);
  object["local_type"] = to_string(connected.local.type);
  object["remote_type"] = to_string(connected.remote.type);
  object["local"] = connected.local.endpoint.to_string();
  object["remote"] = connected.remote.endpoint.to_string();
  object["protocol"] = to_string(connected.local.transport);
  object["ms"] = milliseconds(connected.took);
  return object;
}

boost::json::object to_json(std::string_view self, std::string_view peer, const CallFailed& failed, Language language) {
  boost::json::object object = about("failed", self, peer);
  object["attempt"] = failed.attempt;
  object["final"] = failed.final;
  object["cause"] = to_string(failed.cause);
  object["text"] = describe(failed, language);
  object["remedy"] = remedy_for(failed, language);
  object["ms"] = milliseconds(failed.took);
  return object;
}

std::string to_text(std::string_view peer, const CallConnected& connected, Language language) {
  return format_in(language, "connected to {0}: {1} {2} → {3} {4}, {5} ms, attempt {6}",
                   "{0}에 연결됨: {1} {2} → {3} {4}, {5} ms, {6}번째 시도", peer, to_string(connected.local.type),
                   connected.local.endpoint.to_string(), to_string(connected.remote.type),
                   connected.remote.endpoint.to_string(), milliseconds(connected.took), connected.attempt);
}

std::string to_text(std::string_view peer, const CallFailed& failed, Language language) {
  std::string text =
      format_in(language, "no connection to {0} (attempt {1}, {2}): {3}", "{0}에 연결 실패 ({1}번째 시도, {2}): {3}",
                peer, failed.attempt, to_string(failed.cause), describe(failed, language));
  if (failed.final)
    text += format_in(language, "\n  remedy: {}", "\n  해결책: {}", remedy_for(failed, language));
  else if (failed.attempt + 1 == relayed_attempt)
    text += Text{"\n  trying again through relays alone", "\n  중계 서버만으로 다시 시도합니다"}.in(language);
  else
    text += Text{"\n  trying again with the roles swapped", "\n  역할을 바꾸어 다시 시도합니다"}.in(language);
  return text;
}

std::string why_lost(const SignallingLost& lost, Language language) {
  if (lost.why == errc::closed) return format_in(language, "the server closed the connection", "서버가 연결을 닫음");
  return lost.why.message();
}

}  // namespace

std::optional<boost::json::object> to_json(std::string_view self, const MeshEvent& event, Language language) {
  if (const auto* joined = std::get_if<Joined>(&event)) {
    return boost::json::object{{"event", "joined"},
                               {"self", joined->self},
                               {"room", joined->room},
                               {"peers", boost::json::array(joined->peers.begin(), joined->peers.end())}};
  }
  if (const auto* lost = std::get_if<SignallingLost>(&event))
    return boost::json::object{{"event", "signalling-lost"}, {"self", self}, {"text", why_lost(*lost, language)}};
  const auto* of_peer = std::get_if<PeerEvent>(&event);
  if (of_peer == nullptr) return std::nullopt;
  const std::string& peer = of_peer->peer;
  if (const auto* connected = std::get_if<CallConnected>(&of_peer->event)) return to_json(self, peer, *connected);
  if (const auto* failed = std::get_if<CallFailed>(&of_peer->event)) return to_json(self, peer, *failed, language);
  if (const auto* text = std::get_if<CallText>(&of_peer->event)) {
    return boost::json::object{{"event", "message"}, {"self", self}, {"from", peer}, {"text", text->text}};
  }
  if (const auto* gone = std::get_if<CallDisconnected>(&of_peer->event))
    return with_cause(about("disconnected", self, peer), gone->cause, language);
  if (const auto* restarting = std::get_if<CallRestarting>(&of_peer->event))
    return with_cause(about("restarting", self, peer), restarting->cause, language);
  if (std::holds_alternative<CallLeft>(of_peer->event)) return about("left", self, peer);
  return std::nullopt;
}

std::optional<std::string> to_text(const MeshEvent& event, const Output& output, Language language) {
  if (const auto* joined = std::get_if<Joined>(&event)) {
    return format_in(language, "in room {0} as {1}; {2} there already", "{0} 방에 {1}(으)로 참가함; 이미 {2}명 있음",
                     joined->room, joined->self, joined->peers.size());
  }
  if (const auto* lost = std::get_if<SignallingLost>(&event)) {
    return output.paint(Colour::yellow,
                        format_in(language, "signalling is lost ({}); the calls go on without it",
                                  "시그널링이 끊어졌습니다 ({}); 통화는 계속됩니다", why_lost(*lost, language)));
  }
  const auto* of_peer = std::get_if<PeerEvent>(&event);
  if (of_peer == nullptr) return std::nullopt;
  const std::string& peer = of_peer->peer;
  if (const auto* connected = std::get_if<CallConnected>(&of_peer->event))
    return output.paint(Colour::green, to_text(peer, *connected, language));
  if (const auto* failed = std::get_if<CallFailed>(&of_peer->event))
    return output.paint(failed->final ? Colour::red : Colour::yellow, to_text(peer, *failed, language));
  if (const auto* text = std::get_if<CallText>(&of_peer->event))
    return fmt::format("{}: {}", output.paint(Colour::bold, peer), to_printable(text->text));
  if (const auto* gone = std::get_if<CallDisconnected>(&of_peer->event)) {
    return output.paint(Colour::red, format_in(language, "{0} is gone ({1}): {2}", "{0} 연결이 끊어짐 ({1}): {2}", peer,
                                               to_string(gone->cause), text_of(gone->cause).text.in(language)));
  }
  if (const auto* restarting = std::get_if<CallRestarting>(&of_peer->event)) {
    return output.paint(Colour::yellow,
                        format_in(language, "looking for another path to {0} ({1}): {2}",
                                  "{0}(으)로 가는 다른 경로를 찾습니다 ({1}): {2}", peer, to_string(restarting->cause),
                                  text_of(restarting->cause).text.in(language)));
  }
  if (std::holds_alternative<CallLeft>(of_peer->event))
    return format_in(language, "{} has left", "{}이(가) 나갔습니다", peer);
  return std::nullopt;
}

std::string to_text(const JoinFailed& failed, const Endpoint& server, Language language) {
  if (const auto* error = std::get_if<Error>(&failed.why)) {
    return format_in(language, "the server at {0} refused: {1} ({2})", "{0} 서버가 거부했습니다: {1} ({2})",
                     server.to_string(), error->text, to_string(error->code));
  }
  return format_in(language, "signalling at {0} cannot be reached: {1}", "{0} 시그널링 서버에 연결할 수 없습니다: {1}",
                   server.to_string(), std::get<std::error_code>(failed.why).message());
}

}  // namespace ice::mesh
