// pion_pair SERVER:PORT USER PASSWORD TRANSPORT: two clients of pion, each with an allocation, that send to each other's
// relayed address. Says "relayed" when each has received what the other one sent, so often that channels were bound.
package main

import (
	"fmt"
	"log"
	"net"
	"os"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v2"
)

const opening = "hello"
const rounds = 20
const patience = 20 * time.Second

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func allocate(server, user, password, transport string) net.PacketConn {
	var conn net.PacketConn
	if transport == "tcp" {
		stream, err := net.Dial("tcp", server)
		must(err)
		conn = turn.NewSTUNConn(stream)
	} else {
		socket, err := net.ListenPacket("udp4", "0.0.0.0:0")
		must(err)
		conn = socket
	}
	client, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: server, TURNServerAddr: server, Conn: conn, Username: user, Password: password,
		LoggerFactory: logging.NewDefaultLoggerFactory(),
	})
	must(err)
	must(client.Listen())
	relay, err := client.Allocate()
	must(err)
	return relay
}

func expect(relay net.PacketConn, text string) {
	buffer := make([]byte, 1500)
	must(relay.SetReadDeadline(time.Now().Add(patience)))
	n, _, err := relay.ReadFrom(buffer)
	for err == nil && string(buffer[:n]) == opening {
		n, _, err = relay.ReadFrom(buffer)
	}
	must(err)
	if string(buffer[:n]) != text {
		log.Fatalf("received %q and not %q", buffer[:n], text)
	}
}

func main() {
	server, user, password, transport := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	alice := allocate(server, user, password, transport)
	bob := allocate(server, user, password, transport)
	// The first packet of each makes its permission; this one is lost where it is there before the other one's.
	_, err := alice.WriteTo([]byte(opening), bob.LocalAddr())
	must(err)
	_, err = bob.WriteTo([]byte("from bob"), alice.LocalAddr())
	must(err)
	expect(alice, "from bob")
	for i := 0; i < rounds; i++ {
		text := fmt.Sprintf("from alice %d", i)
		_, err = alice.WriteTo([]byte(text), bob.LocalAddr())
		must(err)
		expect(bob, text)
		text = fmt.Sprintf("from bob %d", i)
		_, err = bob.WriteTo([]byte(text), alice.LocalAddr())
		must(err)
		expect(alice, text)
	}
	must(alice.Close())
	must(bob.Close())
	fmt.Println("relayed")
}
