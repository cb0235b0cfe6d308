// What each cause means and what helps, for people. docs/why-did-it-fail.md says the same at length.

#include <array>

#include "ice/explain.hpp"

namespace ice {
namespace {

struct CauseTexts {
  RootCause cause;
  std::string_view rfc;
  Text meaning;
  Text remedy;
};

constexpr std::array<CauseTexts, root_causes> texts{{
    {RootCause::no_local_address,
     "RFC 8445 §5.1.1.1",
     {"The host has no address that ICE may use, so there is nothing the peer could be told.",
      "호스트에 ICE가 쓸 수 있는 주소가 없어 상대에게 알릴 것이 없습니다."},
     {"Connect the host to a network. Loopback and link-local addresses do not count.",
      "호스트를 네트워크에 연결하십시오. 루프백과 링크 로컬 주소는 제외됩니다."}},
    {RootCause::server_name_unresolved,
     "RFC 7064 §3, RFC 5928 §3",
     {"DNS has no address for the name of a STUN or TURN server, so it was never asked.",
      "STUN 또는 TURN 서버 이름의 주소를 DNS에서 찾지 못해 서버에 물어보지 못했습니다."},
     {"Check the name in the URI and the host's DNS, or give the server by its address.",
      "URI의 이름과 호스트의 DNS를 확인하거나 서버를 주소로 지정하십시오."}},
    {RootCause::stun_unreachable,
     "RFC 8445 §5.1.1.2",
     {"A STUN server did not answer, so the address in front of the NAT was never learned and the peer could not be "
      "told of it.",
      "STUN 서버가 응답하지 않아 NAT 바깥의 주소를 알아내지 못했고 상대에게 알릴 수 없었습니다."},
     {"Check that the server runs and its address and port are right; configure a second one.",
      "서버가 실행 중인지, 주소와 포트가 맞는지 확인하고 두 번째 서버도 지정하십시오."}},
    {RootCause::turn_unreachable,
     "RFC 8656 §7",
     {"A TURN server did not answer, so the relay that would have carried the call was missing.",
      "TURN 서버가 응답하지 않아 통화를 이어 줄 중계가 없었습니다."},
     {"Check that the server runs and can be reached; offer it over TCP or TLS on port 443 too.",
      "서버가 실행 중이고 닿을 수 있는지 확인하고, TCP나 TLS 443 포트로도 제공하십시오."}},
    {RootCause::turn_credentials_refused,
     "RFC 8489 §9.2",
     {"A TURN server does not take the user name and password, so there was no relay.",
      "TURN 서버가 사용자 이름과 비밀번호를 받아들이지 않아 중계를 쓸 수 없었습니다."},
     {"Correct the user name, the password or the shared secret.",
      "사용자 이름, 비밀번호 또는 공유 비밀을 바로잡으십시오."}},
    {RootCause::turn_credentials_expired,
     "RFC 8656 §7, RFC 8489 §9.2",
     {"The TURN credentials were good for a limited time, and that time is over.",
      "TURN 자격 증명의 유효 기간이 지났습니다."},
     {"Get new credentials before each call, give them a longer life, and compare the clocks of the servers.",
      "통화마다 새 자격 증명을 받고, 유효 기간을 늘리고, 서버들의 시계를 비교하십시오."}},
    {RootCause::turn_refused,
     "RFC 8656 §7.2, §9.2, §19",
     {"A TURN server refuses to relay: a quota is used up, no address is left, or the peer's address is not allowed.",
      "TURN 서버가 중계를 거부합니다: 할당 한도 초과, 남은 주소 없음, 또는 허용되지 않은 상대 주소입니다."},
     {"Look at the error number: 403 is the server's list of peers, 486 the user's quota, 508 the server's capacity.",
      "오류 번호를 보십시오: 403은 서버의 상대 허용 목록, 486은 사용자 한도, 508은 서버 용량입니다."}},
    {RootCause::udp_blocked,
     "RFC 8445 §5.1.1.2, RFC 8656 §3.1",
     {"UDP does not leave this network or does not come back: no server answered over it.",
      "이 네트워크에서 UDP가 나가지 않거나 돌아오지 않습니다: UDP로는 어느 서버도 응답하지 않았습니다."},
     {"Offer a TURN server over TCP or TLS on port 443, or have the firewall let UDP out.",
      "TCP 또는 TLS 443 포트의 TURN 서버를 제공하거나 방화벽에서 나가는 UDP를 허용하십시오."}},
    {RootCause::description_missing,
     "RFC 8445 §5.3, RFC 8839 §4",
     {"The peer's description never arrived by signalling, so no check could begin.",
      "시그널링으로 상대의 설명(SDP)이 오지 않아 연결 확인을 시작할 수 없었습니다."},
     {"Check that the peer runs, that it answers offers, and that signalling loses nothing.",
      "상대가 실행 중이고 제안에 응답하는지, 시그널링에서 유실이 없는지 확인하십시오."}},
    {RootCause::candidates_missing,
     "RFC 8838 §9",
     {"Candidates that the peer has did not arrive by signalling, so the paths they stand for were never tried.",
      "상대의 후보가 시그널링으로 오지 않아 그 경로를 시도하지 못했습니다."},
     {"Deliver every trickled candidate, in order, also those that come before the answer.",
      "트리클된 후보를 응답보다 먼저 온 것까지 모두 순서대로 전달하십시오."}},
    {RootCause::wrong_credentials,
     "RFC 8445 §7.2.2, RFC 8489 §9.1",
     {"Checks are signed with a password that the other side does not verify with: the description was changed or "
      "mixed "
      "up on its way.",
      "연결 확인이 상대가 검증하는 것과 다른 비밀번호로 서명되었습니다: 설명이 전달 중에 바뀌었거나 섞였습니다."},
     {"Pass ice-ufrag and ice-pwd on unchanged, both of one description.",
      "한 설명의 ice-ufrag와 ice-pwd를 함께, 바꾸지 말고 전달하십시오."}},
    {RootCause::wrong_generation,
     "RFC 8445 §9, RFC 8839 §4.4.1",
     {"One side uses a description of another session or of before a restart.",
      "한쪽이 다른 세션이나 재시작 이전의 설명을 쓰고 있습니다."},
     {"Pair each answer with its own offer, and drop descriptions that a newer one has replaced.",
      "응답을 자신의 제안과 짝지우고, 새것으로 대체된 설명은 버리십시오."}},
    {RootCause::no_common_family,
     "RFC 8445 §6.1.2.2, RFC 8421",
     {"One side has addresses of IPv4 alone, the other of IPv6 alone: no pair can be made.",
      "한쪽은 IPv4 주소만, 다른 쪽은 IPv6 주소만 있어 후보 쌍을 만들 수 없습니다."},
     {"Give both sides a TURN server that relays both families (RFC 8656 §7), or the missing family.",
      "두 주소 체계를 모두 중계하는 TURN 서버를 양쪽에 지정하거나(RFC 8656 §7) 없는 주소 체계를 제공하십시오."}},
    {RootCause::peer_silent,
     "RFC 8445 §7.2.5.2.3",
     {"Nothing from the peer arrived: no answer, no check. From one side alone this is all that can be known.",
      "상대에게서 응답도 연결 확인도 오지 않았습니다. 한쪽만으로는 이 이상 알 수 없습니다."},
     {"Get the peer's report and explain both together; a TURN server for both sides helps in most cases.",
      "상대의 보고서를 받아 함께 설명하게 하십시오. 대부분은 양쪽에 TURN 서버를 지정하면 해결됩니다."}},
    {RootCause::one_direction,
     "RFC 8445 §7.2.5.2.3, RFC 4787 §5",
     {"Packets arrive in one direction only: what is sent back is dropped by a firewall on the way.",
      "패킷이 한 방향으로만 도착합니다: 돌아오는 것은 도중의 방화벽에서 버려집니다."},
     {"Look at the firewall of the side that hears nothing, and at routes that differ by direction; or use a relay.",
      "아무것도 받지 못하는 쪽의 방화벽과 방향별로 다른 경로를 확인하거나 중계를 쓰십시오."}},
    {RootCause::answers_lost,
     "RFC 8445 §7.2.5.2, RFC 4787 §5",
     {"Both sides hear the other's checks, and the answers to them do not arrive: a filter tells answers from "
      "requests, "
      "or forgets at once.",
      "양쪽 모두 상대의 확인을 받지만 그 응답이 도착하지 않습니다: 필터가 응답을 버리거나 너무 빨리 잊습니다."},
     {"Look at firewalls that inspect STUN on the side that hears no answer; or use a relay over TLS.",
      "응답을 받지 못하는 쪽에서 STUN을 검사하는 방화벽을 확인하거나 TLS 중계를 쓰십시오."}},
    {RootCause::checks_blocked,
     "RFC 8445 §6.1.4, RFC 4787 §5",
     {"Both sides send checks and none arrives, though the NATs as far as they are known would let them through: a "
      "firewall lets only some destinations pass.",
      "양쪽이 확인을 보내지만 하나도 도착하지 않습니다. 알려진 NAT이라면 통과했을 것이므로 방화벽이 일부 목적지만 "
      "허용하는 것입니다."},
     {"Let UDP to any port out at both sides, or give both a TURN server on a port that passes.",
      "양쪽에서 모든 포트로 나가는 UDP를 허용하거나 통과하는 포트의 TURN 서버를 지정하십시오."}},
    {RootCause::symmetric_nats,
     "RFC 4787 §4.1, §5; RFC 8656",
     {"A NAT that takes a new port for each destination meets one that lets in only the ports it knows: their packets "
      "never meet, and there was no relay.",
      "목적지마다 새 포트를 쓰는 NAT과 아는 포트만 들이는 NAT이 만났습니다: 패킷이 서로 만나지 못하며 중계도 "
      "없었습니다."},
     {"Give at least one side a TURN server (RFC 8656); nothing else is sure to help.",
      "적어도 한쪽에 TURN 서버를 지정하십시오(RFC 8656). 다른 확실한 방법은 없습니다."}},
    {RootCause::mapping_expired,
     "RFC 4787 §4.3 (REQ-5), RFC 8445 §5.1.1.4",
     {"The address that the peer was told had been silent for so long that the NAT forgot it before the checks began.",
      "상대에게 알린 주소가 오래 쓰이지 않아 연결 확인이 시작되기 전에 NAT이 잊었습니다."},
     {"Keep the mapping from gathering on (AgentConfig::mapping_keepalive), or gather when the call is taken.",
      "수집 시점부터 매핑을 유지하거나(AgentConfig::mapping_keepalive) 전화를 받을 때 수집하십시오."}},
    {RootCause::hairpin_missing,
     "RFC 4787 §6 (REQ-9)",
     {"Both are behind the same public address, and that NAT does not turn packets to itself around.",
      "양쪽이 같은 공인 주소 뒤에 있으며 그 NAT이 자신에게 온 패킷을 되돌려 주지 않습니다(헤어핀)."},
     {"Use a relay, let the two inner networks reach each other, or turn hairpinning on in the NAT.",
      "중계를 쓰거나, 두 내부 네트워크를 연결하거나, NAT의 헤어핀을 켜십시오."}},
    {RootCause::consent_lost,
     "RFC 7675 §5.1",
     {"The connection was there and then nothing authentic came for 30 s: the path or the peer died.",
      "연결되었다가 30초 동안 인증된 것이 오지 않았습니다: 경로나 상대가 사라졌습니다."},
     {"Restart ICE when told to (RestartNeeded); look at the link of either side at that moment.",
      "RestartNeeded를 받으면 ICE를 재시작하고 그 시점의 양쪽 링크를 확인하십시오."}},
    {RootCause::peer_ended,
     "RFC 7675 §5.2",
     {"The peer ended the session: its application closed it, or its agent gave up.",
      "상대가 세션을 끝냈습니다: 애플리케이션이 닫았거나 에이전트가 포기했습니다."},
     {"Nothing, if that was meant; a goodbye by signalling spares the wait.",
      "의도된 것이라면 없습니다. 시그널링으로 종료를 알리면 기다리지 않아도 됩니다."}},
    {RootCause::rebinding,
     "RFC 4787 §4.3, RFC 8445 §9",
     {"A NAT gave the connection another address or port while it lasted: it restarted, or its provider's address "
      "changed.",
      "통화 중에 NAT이 다른 주소나 포트를 배정했습니다: NAT이 재시작되었거나 사업자의 주소가 바뀌었습니다."},
     {"Restart ICE at once; data that flows keeps mappings alive.",
      "즉시 ICE를 재시작하십시오. 데이터가 흐르면 매핑이 유지됩니다."}},
    {RootCause::interface_gone,
     "RFC 8445 §9, RFC 8421 §5",
     {"The network interface that the connection used went away.", "연결이 쓰던 네트워크 인터페이스가 사라졌습니다."},
     {"Give the agent the sockets of the new interface and restart ICE.",
      "새 인터페이스의 소켓을 에이전트에 추가하고 ICE를 재시작하십시오."}},
    {RootCause::relay_lost,
     "RFC 8656 §3.2, §8",
     {"The TURN server in use died or restarted, and its relayed address with it.",
      "사용하던 TURN 서버가 죽거나 재시작되어 중계 주소도 사라졌습니다."},
     {"Restart ICE; configure a second TURN server.", "ICE를 재시작하고 두 번째 TURN 서버를 지정하십시오."}},
    {RootCause::path_mtu,
     "RFC 1191, RFC 8899",
     {"Packets are longer than the path takes and are dropped, while small ones such as checks pass.",
      "패킷이 경로가 허용하는 크기보다 커서 버려집니다. 연결 확인처럼 작은 것은 통과합니다."},
     {"Send smaller packets: 1,200 bytes pass almost everywhere.",
      "더 작은 패킷을 보내십시오: 1,200바이트는 거의 어디서나 통과합니다."}},
    {RootCause::relay_by_policy,
     "RFC 8828 §5.2",
     {"The relay is used because the configuration allows nothing else.",
      "설정이 다른 경로를 허용하지 않아 중계를 씁니다."},
     {"Allow all candidates (CandidatePolicy::all), if the peer may learn this host's addresses.",
      "상대가 이 호스트의 주소를 알아도 된다면 모든 후보를 허용하십시오(CandidatePolicy::all)."}},
    {RootCause::relay_chosen_earlier,
     "RFC 8445 §8.1.1",
     {"A direct pair worked as well, but the relay had been nominated when its answer came.",
      "직접 경로도 동작했지만 그 응답이 왔을 때는 중계가 이미 지명된 뒤였습니다."},
     {"Restart ICE to try again, or have the application wait longer before it gives up on direct pairs.",
      "ICE를 재시작해 다시 시도하거나 직접 경로를 더 오래 기다리게 하십시오."}},
    {RootCause::unknown,
     "RFC 8445 §8.1.2",
     {"Nothing in the report explains it.", "보고서의 어떤 내용도 이 결과를 설명하지 않습니다."},
     {"Get the peer's report, and a trace of both sides.", "상대의 보고서와 양쪽의 추적 기록을 받으십시오."}},
}};

static_assert([] {
  for (std::size_t i = 0; i < texts.size(); ++i)
    if (texts[i].cause != static_cast<RootCause>(i)) return false;
  return true;
}());

const CauseTexts& texts_of(RootCause cause) noexcept { return texts[static_cast<std::size_t>(cause)]; }

constexpr std::array<Text, 3> places{Text{"this side", "이쪽"}, Text{"the other side", "상대쪽"},
                                     Text{"between the two", "양쪽 사이"}};

}  // namespace

std::string_view meaning(RootCause cause, Language language) noexcept { return texts_of(cause).meaning.in(language); }

std::string_view remedy(RootCause cause, Language language) noexcept { return texts_of(cause).remedy.in(language); }

std::string_view rfc_section(RootCause cause) noexcept { return texts_of(cause).rfc; }

std::string describe(const Finding& finding, Language language) {
  std::string text{places[static_cast<std::size_t>(finding.where)].in(language)};
  text.append(": ")
      .append(meaning(finding.cause, language))
      .append(" (")
      .append(rfc_section(finding.cause))
      .append(")");
  if (!finding.alternatives.empty()) {
    text.append(Text{" Behind it may be, likeliest first: ", " 가능성이 큰 순서로: "}.in(language));
    for (std::size_t i = 0; i < finding.alternatives.size(); ++i)
      text.append(i == 0 ? "" : ", ").append(to_string(finding.alternatives[i]));
    text.append(".");
  }
  if (finding.wants_other_report)
    text.append(Text{" The peer's report would tell.", " 상대의 보고서가 있으면 알 수 있습니다."}.in(language));
  return text;
}

}  // namespace ice
