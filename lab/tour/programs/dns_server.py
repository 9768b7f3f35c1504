"""A DNS server for the zone `example.test`, on a UDP port of this machine."""

import socket
import threading
from typing import Final

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.zone

ZONE: Final = dns.zone.from_text(
    """
    @     10 IN SOA   ns admin 1 3600 600 86400 10
    @     10 IN NS    ns
    @     10 IN MX    10 mail
    ns    10 IN A     192.0.2.53
    mail  10 IN A     192.0.2.25
    www   10 IN A     192.0.2.7
    www   10 IN AAAA  2001:db8::7
    shop  10 IN CNAME www
    """.replace("\n    ", "\n"),
    origin="example.test.",
    relativize=False,
)


class DnsServer:
    """Answers queries in a thread until the process ends."""

    def __init__(self) -> None:
        self.queries = 0
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            packet, client = self._socket.recvfrom(512)
            self.queries += 1
            self._socket.sendto(_respond(dns.message.from_wire(packet)).to_wire(), client)


def _respond(query: dns.message.Message) -> dns.message.Message:
    response, [question] = dns.message.make_response(query), query.question
    response.flags |= dns.flags.AA
    name = question.name
    if alias := ZONE.get_rrset(name, dns.rdatatype.CNAME):
        response.answer.append(alias)
        name = alias[0].target
    if records := ZONE.get_rrset(name, question.rdtype):
        response.answer.append(records)
    elif soa := ZONE.get_rrset("@", dns.rdatatype.SOA):
        response.authority.append(soa)
    if not ZONE.get_node(name):
        response.set_rcode(dns.rcode.NXDOMAIN)
    return response
