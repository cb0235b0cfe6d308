#include "mesh_demo/cause_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "common/utf8.hpp"

namespace ice::mesh {
namespace {

using programs::format_in;
using programs::Language;
using programs::Text;

constexpr Text use_relay{"a relay: give both peers a TURN server (RFC 8656)",
                         "중계 서버 사용: 두 피어 모두에 TURN 서버를 지정하십시오 (RFC 8656)"};
constexpr Text check_server{"check the server's address, and whether UDP to it is blocked",
                            "서버 주소와 서버로 가는 UDP가 막혀 있는지 확인하십시오"};
constexpr Text check_versions{"check what the peer runs: it does not follow RFC 8445",
                              "상대 프로그램을 확인하십시오: RFC 8445를 따르지 않습니다"};
constexpr Text join_again{"check the peer and its network, then join again",
                          "상대와 그 네트워크를 확인한 뒤 다시 참가하십시오"};
constexpr Text nothing_to_do{"nothing: it was meant to end", "없음: 의도된 종료입니다"};

std::int64_t seconds(Duration duration) { return std::chrono::round<std::chrono::seconds>(duration).count(); }

/// What was tried, in numbers.
std::string evidence(const ConnectivityReport& report, Language language) {
  std::uint32_t sent = 0;
  std::uint32_t heard = 0;
  std::uint32_t asked = 0;
  for (const PairReport& pair : report.pairs) {
    sent += pair.requests_sent;
    heard += pair.responses_heard;
    asked += pair.requests_heard;
  }
  return format_in(language, "{0} checks sent on {1} pairs, {2} answered, {3} heard from the peer",
                   "후보 쌍 {1}개에 연결 확인 {0}번 보냄, 응답 {2}번, 상대의 확인 {3}번 받음", sent,
                   report.pairs.size(), heard, asked);
}

constexpr CauseText no_description{{"the peer's description never came, so nothing could be tried (RFC 8445 §5.3)",
                                    "상대의 설명(SDP)이 오지 않아 아무것도 시도할 수 없었습니다 (RFC 8445 §5.3)"},
                                   {"check whether the peer runs and reaches the signalling server",
                                    "상대가 실행 중이고 시그널링 서버에 닿는지 확인하십시오"}};

CauseText diagnosis(const ConnectivityReport& report) {
  const Cause cause = cause_so_far(report);
  return cause == Cause::none ? no_description : text_of(cause);
}

bool ended_by_ice(const CallFailed& failed) {
  if (std::holds_alternative<Cause>(failed.cause)) return true;
  const DemoCause cause = std::get<DemoCause>(failed.cause);
  return cause != DemoCause::attempt_timeout && cause != DemoCause::peer_gave_up;
}

}  // namespace

CauseText text_of(Cause cause) noexcept {
  switch (cause) {
    case Cause::none:
      return {{"nothing went wrong", "문제가 없었습니다"}, nothing_to_do};
    case Cause::no_response:
      return {{"no transmission was answered (RFC 8445 §7.2.5.2.3)",
               "어떤 전송에도 응답이 없었습니다 (RFC 8445 §7.2.5.2.3)"},
              check_server};
    case Cause::error_response:
      return {{"the answer was an error that cannot be repaired (RFC 8445 §7.2.5.2.4)",
               "복구할 수 없는 오류 응답을 받았습니다 (RFC 8445 §7.2.5.2.4)"},
              check_versions};
    case Cause::unauthenticated:
      return {{"answers came, none with the right MESSAGE-INTEGRITY (RFC 8489 §9.1.4)",
               "응답이 왔으나 MESSAGE-INTEGRITY가 맞지 않았습니다 (RFC 8489 §9.1.4)"},
              check_versions};
    case Cause::asymmetric_response:
      return {{"answers came from other addresses than were asked (RFC 8445 §7.2.5.2.1)",
               "물어본 주소와 다른 주소에서 응답이 왔습니다 (RFC 8445 §7.2.5.2.1)"},
              use_relay};
    case Cause::bad_response:
      return {{"the answer breaks the protocol", "응답이 프로토콜을 어겼습니다"}, check_versions};
    case Cause::superseded:
      return {{"another pair was nominated first (RFC 8445 §8.1.2)",
               "다른 후보 쌍이 먼저 지명되었습니다 (RFC 8445 §8.1.2)"},
              nothing_to_do};
    case Cause::evicted:
      return {{"pairs of higher priority took its place (RFC 8445 §6.1.2.5)",
               "우선순위가 더 높은 쌍에 밀려났습니다 (RFC 8445 §6.1.2.5)"},
              nothing_to_do};
    case Cause::socket_gone:
      return {{"the local address in use went away", "사용하던 로컬 주소가 사라졌습니다"},
              {"bring the network up again, then join again", "네트워크를 복구한 뒤 다시 참가하십시오"}};
    case Cause::relay_lost:
      return {{"the TURN server in use restarted or is dead (RFC 8656 §3.2)",
               "사용하던 TURN 서버가 재시작되었거나 응답하지 않습니다 (RFC 8656 §3.2)"},
              join_again};
    case Cause::permission_refused:
      return {{"the TURN server does not relay to that peer (RFC 8656 §9.2: 403)",
               "TURN 서버가 그 상대로는 중계하지 않습니다 (RFC 8656 §9.2: 403)"},
              {"let the server relay to such addresses, or use another one",
               "서버가 그런 주소로 중계하도록 허용하거나 다른 서버를 쓰십시오"}};
    case Cause::wrong_credentials:
      return {{"the server does not take the user name and password (RFC 8489 §9.2)",
               "서버가 사용자 이름과 비밀번호를 받아들이지 않습니다 (RFC 8489 §9.2)"},
              {"get new credentials for the server", "서버의 자격 증명을 새로 받으십시오"}};
    case Cause::quota_reached:
      return {{"the user has as many allocations as it may have (RFC 8656 §19: 486)",
               "사용자의 할당 수가 한도에 이르렀습니다 (RFC 8656 §19: 486)"},
              {"end other calls of this user, or raise the server's quota",
               "이 사용자의 다른 통화를 끝내거나 서버의 한도를 올리십시오"}};
    case Cause::no_capacity:
      return {{"the TURN server has no relayed address left (RFC 8656 §19: 508)",
               "TURN 서버에 남은 중계 주소가 없습니다 (RFC 8656 §19: 508)"},
              {"use another TURN server, or give this one more ports",
               "다른 TURN 서버를 쓰거나 이 서버의 포트를 늘리십시오"}};
    case Cause::unreachable:
      return {{"there is no way to the server, or it closed the connection",
               "서버로 가는 길이 없거나 서버가 연결을 닫았습니다"},
              check_server};
    case Cause::name_not_resolved:
      return {{"DNS has no address for the server's name", "서버 이름의 주소를 DNS에서 찾지 못했습니다"},
              {"check the name, or give the server by its address", "이름을 확인하거나 서버를 주소로 지정하십시오"}};
    case Cause::unsupported:
      return {{"STUN over TLS or DTLS (stuns:) reveals no candidate, so it was not asked",
               "TLS/DTLS를 쓰는 STUN(stuns:)으로는 후보를 얻을 수 없어 묻지 않았습니다"},
              {"use stun: in place of stuns:", "stuns: 대신 stun:을 쓰십시오"}};
    case Cause::closed:
      return {{"it was closed here", "이쪽에서 닫았습니다"}, nothing_to_do};
    case Cause::no_local_candidates:
      return {{"this host has no address that ICE may use (RFC 8445 §5.1.1.1)",
               "이 호스트에 ICE가 쓸 수 있는 주소가 없습니다 (RFC 8445 §5.1.1.1)"},
              {"connect this host to a network; loopback does not count",
               "이 호스트를 네트워크에 연결하십시오 (루프백은 제외됩니다)"}};
    case Cause::no_relay:
      return {{"only relayed addresses were to be used, and no TURN server gave one",
               "중계 주소만 쓰도록 했으나 TURN 서버에서 얻지 못했습니다"},
              {"look at the servers in the report: each says why", "보고서의 서버 항목에 각각의 이유가 있습니다"}};
    case Cause::no_remote_candidates:
      return {
          {"the peer told no address that can be tried (RFC 8445 §5.3)",
           "상대가 시도할 수 있는 주소를 하나도 알리지 않았습니다 (RFC 8445 §5.3)"},
          {"look at the peer's own report: it found no address", "상대의 보고서를 보십시오: 주소를 찾지 못했습니다"}};
    case Cause::no_common_family:
      return {{"no address here is of the same family as one of the peer's (RFC 8445 §6.1.2.2)",
               "양쪽 주소의 종류(IPv4/IPv6)가 서로 맞지 않습니다 (RFC 8445 §6.1.2.2)"},
              {"give both sides IPv4 or both IPv6, or both a TURN server (RFC 8656; not in this build yet)",
               "양쪽 모두 IPv4 또는 IPv6를 쓰거나 TURN 서버를 지정하십시오 (RFC 8656; 이 빌드에는 아직 없음)"}};
    case Cause::checks_failed:
      return {
          {"pairs of addresses were tried, none worked: NATs or firewalls on both sides let nothing in "
           "(RFC 8445 §6.1.3)",
           "후보 쌍을 시도했으나 모두 실패했습니다: 양쪽 NAT이나 방화벽이 아무것도 들이지 않습니다 (RFC 8445 §6.1.3)"},
          use_relay};
    case Cause::nomination_failed:
      return {{"a pair worked, its nomination did not (RFC 8445 §8.1.1)",
               "후보 쌍은 동작했으나 지명에 실패했습니다 (RFC 8445 §8.1.1)"},
              join_again};
    case Cause::consent_expired:
      return {{"nothing authentic was heard from the peer for 30 s (RFC 7675 §5.1)",
               "30초 동안 상대에게서 인증된 응답이 없었습니다 (RFC 7675 §5.1)"},
              join_again};
    case Cause::consent_revoked:
      return {{"the peer revoked its consent (RFC 7675 §5.2)", "상대가 동의를 철회했습니다 (RFC 7675 §5.2)"},
              join_again};
  }
  return {};
}

CauseText text_of(DemoCause cause) noexcept {
  switch (cause) {
    case DemoCause::attempt_timeout:
      return {{"no pair of addresses worked in time", "제한 시간 안에 동작한 후보 쌍이 없습니다"}, use_relay};
    case DemoCause::peer_gave_up:
      return {{"the peer gave up on this attempt", "상대가 이번 시도를 포기했습니다"}, use_relay};
    case DemoCause::bad_description:
      return {{"the peer's offer or answer is no SDP with ICE in it (RFC 8839 §4)",
               "상대의 제안 또는 응답이 ICE가 담긴 SDP가 아닙니다 (RFC 8839 §4)"},
              check_versions};
    case DemoCause::signalling_lost:
      return {{"signalling was lost before both descriptions were exchanged",
               "양쪽 설명을 주고받기 전에 시그널링이 끊어졌습니다"},
              {"check the signalling server, then join again", "시그널링 서버를 확인한 뒤 다시 참가하십시오"}};
    case DemoCause::peer_vanished:
      return {{"the peer left signalling without a goodbye and does not answer",
               "상대가 인사 없이 시그널링을 떠났고 응답하지 않습니다"},
              join_again};
    case DemoCause::texts_unheard:
      return {{"the path lives, but the peer acknowledged no text for 30 s",
               "경로는 살아 있으나 상대가 30초 동안 텍스트를 확인하지 않았습니다"},
              join_again};
    case DemoCause::peer_restarts:
      return {{"the peer asked for another path (an ICE restart, RFC 8445 §9)",
               "상대가 다른 경로를 요청했습니다 (ICE 재시작, RFC 8445 §9)"},
              {"nothing: a new path is being looked for", "없음: 새 경로를 찾는 중입니다"}};
  }
  return {};
}

CauseText text_of(const EndCause& cause) noexcept {
  return std::visit([](auto one) { return text_of(one); }, cause);
}

Cause cause_so_far(const ConnectivityReport& report) noexcept {
  if (!report.description_received) return Cause::none;
  if (report.local_candidates.empty()) return Cause::no_local_candidates;
  if (report.remote_candidates.empty()) return Cause::no_remote_candidates;
  if (report.pairs.empty()) return Cause::no_common_family;
  const bool worked =
      std::any_of(report.pairs.begin(), report.pairs.end(), [](const auto& pair) { return pair.valid; });
  if (worked) return Cause::nomination_failed;
  return Cause::checks_failed;
}

std::string describe(const CallFailed& failed, Language language) {
  const std::string numbers = evidence(failed.report, language);
  const std::string_view said = text_of(failed.cause).text.in(language);
  if (ended_by_ice(failed)) return fmt::format("{} ({})", said, numbers);
  const std::string_view known = diagnosis(failed.report).text.in(language);
  if (failed.cause == EndCause{DemoCause::peer_gave_up}) {
    const std::string why = failed.peer_cause.empty()
                                ? std::string{said}
                                : format_in(language, "the peer gave up: {}", "상대가 포기했습니다: {}",
                                            programs::to_printable(failed.peer_cause));
    return format_in(language, "{0}. So far: {1} ({2})", "{0}. 지금까지: {1} ({2})", why, known, numbers);
  }
  return format_in(
      language,
      "{0}; the demo stopped after {1} s, where ICE itself would go on until 39.5 s (RFC 8863 §4). So far: "
      "{2} ({3})",
      "{0}; 데모가 {1}초 만에 중단했습니다 (ICE 자체는 39.5초까지 계속합니다, RFC 8863 §4). 지금까지: {2} ({3})", said,
      seconds(failed.took), known, numbers);
}

std::string remedy_for(const CallFailed& failed, Language language) {
  const CauseText text = ended_by_ice(failed) ? text_of(failed.cause) : diagnosis(failed.report);
  return std::string{text.remedy.in(language)};
}

}  // namespace ice::mesh
