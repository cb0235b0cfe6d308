// Evidence as one line of text.

#include <array>
#include <charconv>
#include <chrono>

#include "ice/explain.hpp"

namespace ice {
namespace {

constexpr std::size_t facts = static_cast<std::size_t>(Fact::answered_too_late) + 1;

/// In braces stands what the evidence has: local, remote, count, from, until, detail.
constexpr std::array<Text, facts> formats{{
    {"{count} checks sent", "연결 확인 {count}번 보냄"},
    {"{count} answers heard", "응답 {count}번 받음"},
    {"{count} checks of the peer heard", "상대의 연결 확인 {count}번 받음"},
    {"{count} answers failed verification (MESSAGE-INTEGRITY)", "응답 {count}개가 검증(MESSAGE-INTEGRITY)에 실패"},
    {"{count} checks of the peer failed verification", "상대의 연결 확인 {count}개가 검증에 실패"},
    {"{count} checks came with the ufrag of another session", "다른 세션의 ufrag로 온 연결 확인 {count}개"},
    {"{count} requests to {remote} ({detail}), no answer", "{remote} ({detail})에 요청 {count}번, 응답 없음"},
    {"{remote} ({detail}) answered {count} times", "{remote} ({detail})이 {count}번 응답"},
    {"{remote} ({detail}) refused with error {count}", "{remote} ({detail})이 오류 {count}로 거부"},
    {"no address for {detail}", "{detail}의 주소 없음"},
    {"{remote} saw {local} as {detail}", "{remote}에서 본 {local}의 주소는 {detail}"},
    {"{remote} saw the same socket {local} as {detail}", "{remote}에서 본 같은 소켓 {local}의 주소는 {detail}"},
    {"{remote} saw the address change {count} times", "{remote}에서 본 주소가 {count}번 바뀜"},
    {"{local} sent nothing to {remote} for {detail}", "{local}에서 {remote}로 {detail} 동안 아무것도 보내지 않음"},
    {"both are seen at {detail}", "양쪽 모두 {detail}로 보임"},
    {"addresses of {detail} alone", "{detail} 주소만 있음"},
    {"{count} candidates told to the peer", "상대에게 알린 후보 {count}개"},
    {"{count} candidates received by signalling", "시그널링으로 받은 후보 {count}개"},
    {"{remote} was told by the peer and did not arrive", "상대가 알린 {remote}이 도착하지 않음"},
    {"no description of the peer", "상대의 설명 없음"},
    {"believes the peer's ufrag to be {detail}", "상대의 ufrag를 {detail}로 알고 있음"},
    {"its own ufrag is {detail}", "자신의 ufrag는 {detail}"},
    {"last heard from the peer", "상대에게서 마지막으로 받음"},
    {"closed by the application", "애플리케이션이 닫음"},
    {"{local} went away ({detail})", "{local}이 사라짐 ({detail})"},
    {"{remote} ({detail}) lost the allocation {count} times", "{remote} ({detail})에서 할당이 {count}번 사라짐"},
    {"{count} packets from {local} to {remote} were too long for the path",
     "{local}에서 {remote}로 보낸 패킷 {count}개가 경로에 비해 너무 큼"},
    {"a check of the peer came from {remote}, an address not known before",
     "알려지지 않은 주소 {remote}에서 상대의 연결 확인이 옴"},
    {"relays alone are allowed here", "이쪽 설정은 중계만 허용"},
    {"{local} to {remote} was answered {count} times, and another pair was selected",
     "{local}에서 {remote}로는 응답이 {count}번 왔으나 다른 쌍이 선택됨"},
}};

constexpr std::array<Text, 3> owners{Text{"this side", "이쪽"}, Text{"the other side", "상대쪽"}, Text{"both", "양쪽"}};

/// Seconds with three digits behind the point.
std::string seconds(Duration duration) {
  const auto count = std::chrono::round<std::chrono::milliseconds>(duration).count();
  constexpr std::int64_t milliseconds = 1000;
  const std::int64_t size = count < 0 ? -count : count;
  std::string text = (count < 0 ? "-" : "") + std::to_string(size / milliseconds) + ".";
  const std::string rest = std::to_string(size % milliseconds);
  return text.append(3 - rest.size(), '0').append(rest).append(" s");
}

std::string value_of(std::string_view name, const Evidence& evidence) {
  if (name == "local") return evidence.local.to_string();
  if (name == "remote") return evidence.remote.to_string();
  if (name == "count") return std::to_string(evidence.count);
  return evidence.detail;
}

std::string fill(std::string_view format, const Evidence& evidence) {
  std::string text;
  while (!format.empty()) {
    const std::size_t open = format.find('{');
    text.append(format.substr(0, open));
    if (open == std::string_view::npos) break;
    const std::size_t close = format.find('}', open);
    text.append(value_of(format.substr(open + 1, close - open - 1), evidence));
    format.remove_prefix(close + 1);
  }
  return text;
}

/// "from 0.100 s to 39.500 s after gathering began".
std::string when(const Evidence& evidence, Language language) {
  const bool korean = language == Language::ko;
  if (evidence.from && evidence.until)
    return korean ? seconds(*evidence.from) + "부터 " + seconds(*evidence.until) + "까지"
                  : "from " + seconds(*evidence.from) + " to " + seconds(*evidence.until);
  if (evidence.from) return korean ? seconds(*evidence.from) + "부터" : "from " + seconds(*evidence.from) + " on";
  if (evidence.until) return korean ? seconds(*evidence.until) + "에" : "at " + seconds(*evidence.until);
  return {};
}

}  // namespace

std::string describe(const Evidence& evidence, Language language) {
  std::string text{owners[static_cast<std::size_t>(evidence.whose)].in(language)};
  text.append(": ").append(fill(formats[static_cast<std::size_t>(evidence.fact)].in(language), evidence));
  if (const std::string moment = when(evidence, language); !moment.empty()) text.append(", ").append(moment);
  return text;
}

}  // namespace ice
