"""A client of TURN in a few lines of the tests' own (RFC 8489, RFC 8656), so that two mistakes of one library cannot agree
with each other."""

import hashlib
import hmac
import os
import socket
import struct

from programs import PATIENCE

COOKIE = 0x2112A442
BINDING, ALLOCATE, CREATE_PERMISSION = 0x001, 0x003, 0x008
USERNAME, MESSAGE_INTEGRITY, ERROR_CODE, REALM, NONCE = 0x0006, 0x0008, 0x0009, 0x0014, 0x0015
XOR_PEER_ADDRESS, XOR_RELAYED_ADDRESS, REQUESTED_TRANSPORT, XOR_MAPPED_ADDRESS = 0x0012, 0x0016, 0x0019, 0x0020


def attribute(kind, value):
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def message(method, attributes, key=None):
    """A request; signed with MESSAGE-INTEGRITY where there is a key."""
    body = b"".join(attribute(*one) for one in attributes)
    transaction = os.urandom(12)

    def header(length):
        return struct.pack("!HHI", method, length, COOKIE) + transaction
    if key is not None:
        mac = hmac.new(key, header(len(body) + 24) + body, hashlib.sha1).digest()
        body += attribute(MESSAGE_INTEGRITY, mac)
    return header(len(body)) + body


def attributes_of(answer):
    found, at = {}, 20
    while at + 4 <= len(answer):
        kind, length = struct.unpack_from("!HH", answer, at)
        found[kind] = answer[at + 4:at + 4 + length]
        at += 4 + length + -length % 4
    return found


def xored_endpoint(value):
    port, address = struct.unpack("!xxHI", value)
    return socket.inet_ntoa(struct.pack("!I", address ^ COOKIE)), port ^ COOKIE >> 16


def error_of(answer):
    """The number of the error in an answer, or None."""
    return answer[ERROR_CODE][2] * 100 + answer[ERROR_CODE][3] if ERROR_CODE in answer else None


class Client:
    """Asks over any socket: datagrams, or a stream of whole messages."""

    def __init__(self, connection):
        self.connection = connection
        self.connection.settimeout(PATIENCE)

    def ask(self, request):
        self.connection.sendall(request)
        return self.connection.recv(2048)

    def allocate(self, name, password):
        """The relayed address, or the number of the error."""
        wish = [(REQUESTED_TRANSPORT, bytes([17, 0, 0, 0]))]
        challenge = attributes_of(self.ask(message(ALLOCATE, wish)))
        realm, nonce = challenge[REALM], challenge[NONCE]
        key = hashlib.md5(name.encode() + b":" + realm + b":" + password.encode()).digest()
        answer = attributes_of(self.ask(message(
            ALLOCATE, [*wish, (USERNAME, name.encode()), (REALM, realm), (NONCE, nonce)], key)))
        self.signed = [(USERNAME, name.encode()), (REALM, realm), (NONCE, nonce)], key
        return error_of(answer) or xored_endpoint(answer[XOR_RELAYED_ADDRESS])

    def permit(self, address):
        """None, or the number of the error."""
        port, number = COOKIE >> 16, struct.unpack("!I", socket.inet_aton(address))[0] ^ COOKIE
        signature, key = self.signed
        peer = (XOR_PEER_ADDRESS, struct.pack("!BBHI", 0, 1, port, number))
        return error_of(attributes_of(self.ask(message(CREATE_PERMISSION, [peer, *signature], key))))


def endpoint_of(text):
    address, port = text.rsplit(":", 1)
    return address, int(port)


def udp_client(test, at):
    connection = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    test.addCleanup(connection.close)
    connection.connect(endpoint_of(at))
    return Client(connection)


def tcp_client(test, at, context=None):
    connection = socket.create_connection(endpoint_of(at))
    if context is not None:
        connection = context.wrap_socket(connection, server_hostname="127.0.0.1")
    test.addCleanup(connection.close)
    return Client(connection)
