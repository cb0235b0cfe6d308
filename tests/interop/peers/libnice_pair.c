/* libnice_pair SERVER PORT USER PASSWORD TRANSPORT LOCAL LOCAL: two agents of libnice that may use nothing but relayed candidates.
 * Says "relayed" when each has received what the other one sent. */
#include <agent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { patience_s = 60 };

struct peer {
  NiceAgent* agent;
  guint stream;
  gboolean gathered;
  gboolean ready;
  gboolean heard;
};

static struct peer alice, bob;
static GMainLoop* loop;
static int status = EXIT_FAILURE;

static struct peer* peer_of(NiceAgent* agent) { return agent == alice.agent ? &alice : &bob; }

static void hand_over(struct peer* from, struct peer* to) {
  gchar* ufrag = NULL;
  gchar* password = NULL;
  nice_agent_get_local_credentials(from->agent, from->stream, &ufrag, &password);
  nice_agent_set_remote_credentials(to->agent, to->stream, ufrag, password);
  GSList* candidates = nice_agent_get_local_candidates(from->agent, from->stream, 1);
  nice_agent_set_remote_candidates(to->agent, to->stream, 1, candidates);
  g_slist_free_full(candidates, (GDestroyNotify)nice_candidate_free);
  g_free(ufrag);
  g_free(password);
}

static void on_gathered(NiceAgent* agent, guint stream, gpointer data) {
  (void)stream;
  (void)data;
  peer_of(agent)->gathered = TRUE;
  if (!alice.gathered || !bob.gathered) return;
  hand_over(&alice, &bob);
  hand_over(&bob, &alice);
}

static void on_state(NiceAgent* agent, guint stream, guint component, guint state, gpointer data) {
  (void)stream;
  (void)component;
  (void)data;
  if (state == NICE_COMPONENT_STATE_FAILED) g_main_loop_quit(loop);
  if (state != NICE_COMPONENT_STATE_READY) return;
  peer_of(agent)->ready = TRUE;
  if (!alice.ready || !bob.ready) return;
  nice_agent_send(alice.agent, alice.stream, 1, 5, "hello");
  nice_agent_send(bob.agent, bob.stream, 1, 5, "hello");
}

static gboolean all_relayed(const struct peer* peer) {
  NiceCandidate* local = NULL;
  NiceCandidate* remote = NULL;
  return nice_agent_get_selected_pair(peer->agent, peer->stream, 1, &local, &remote) &&
         local->type == NICE_CANDIDATE_TYPE_RELAYED;
}

static void on_data(NiceAgent* agent, guint stream, guint component, guint size, gchar* bytes, gpointer data) {
  (void)stream;
  (void)component;
  (void)data;
  if (size == 5 && memcmp(bytes, "hello", 5) == 0) peer_of(agent)->heard = TRUE;
  if (!alice.heard || !bob.heard) return;
  if (all_relayed(&alice) && all_relayed(&bob)) {
    puts("relayed");
    status = EXIT_SUCCESS;
  }
  g_main_loop_quit(loop);
}

static gboolean give_up(gpointer data) {
  (void)data;
  fputs("nothing came of it in time\n", stderr);
  g_main_loop_quit(loop);
  return G_SOURCE_REMOVE;
}

static void begin(struct peer* peer, gboolean controlling, const char* address, char** arguments) {
  peer->agent = nice_agent_new(g_main_loop_get_context(loop), NICE_COMPATIBILITY_RFC5245);
  g_object_set(peer->agent, "controlling-mode", controlling, "upnp", FALSE, "ice-tcp", FALSE, "force-relay", TRUE, NULL);
  NiceAddress local;
  nice_address_init(&local);
  nice_address_set_from_string(&local, address);
  nice_agent_add_local_address(peer->agent, &local);
  peer->stream = nice_agent_add_stream(peer->agent, 1);
  const NiceRelayType type = strcmp(arguments[5], "tcp") == 0 ? NICE_RELAY_TYPE_TURN_TCP : NICE_RELAY_TYPE_TURN_UDP;
  nice_agent_set_relay_info(peer->agent, peer->stream, 1, arguments[1], (guint)atoi(arguments[2]), arguments[3],
                            arguments[4], type);
  g_signal_connect(peer->agent, "candidate-gathering-done", G_CALLBACK(on_gathered), NULL);
  g_signal_connect(peer->agent, "component-state-changed", G_CALLBACK(on_state), NULL);
  nice_agent_attach_recv(peer->agent, peer->stream, 1, g_main_loop_get_context(loop), on_data, NULL);
}

int main(int count, char** arguments) {
  if (count != 8) {
    fputs("libnice_pair SERVER PORT USER PASSWORD TRANSPORT LOCAL LOCAL\n", stderr);
    return 2;
  }
  loop = g_main_loop_new(NULL, FALSE);
  begin(&alice, TRUE, arguments[6], arguments);
  begin(&bob, FALSE, arguments[7], arguments);
  g_timeout_add_seconds(patience_s, give_up, NULL);
  if (nice_agent_gather_candidates(alice.agent, alice.stream) && nice_agent_gather_candidates(bob.agent, bob.stream))
    g_main_loop_run(loop);
  g_object_unref(alice.agent);
  g_object_unref(bob.agent);
  g_main_loop_unref(loop);
  return status;
}
