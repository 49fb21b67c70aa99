# SPDX-License-Identifier: Apache-2.0
# Two appliances that hold the key of one CA, each with a token of its own, as the platform sees them.
# Arguments: stand-in's directory, certificate of the CA, process id of the one that is killed, control socket of the other.
import json
import os
import re
import signal
import sys
import uuid

from bridge_ask import ask
from bridge_platform import Failure, Platform, check, make_csr, openssl


class Appliance:
    """Where requests go: what an offer says, and the certificate that signed it."""

    def __init__(self, platform, letter):
        offer = platform.read(letter["smime"], False)
        self.uuid, self.index = offer["uuid"], offer["caindex"]
        with open(os.path.join(platform.work, "from.pem"), "rb") as file:
            self.recipient = platform.file("channel-%s.pem" % self.uuid, file.read())


def collect(platform, count, siguuid):
    """Solicits; all offers, in the order of their appliances' uuids."""
    platform.inject(platform.solicit(siguuid))
    platform.wait(siguuid, "services offerred", count)
    offers = [Appliance(platform, letter) for letter in platform.answers(siguuid, "services offerred")]
    check(len({offer.uuid for offer in offers}) == len(offers) == count, "each offers once under its own uuid")
    return sorted(offers, key=lambda offer: offer.uuid)


def send(platform, appliance, siguuid, request, signtype="csr"):
    platform.recipient, platform.appliance, platform.index = appliance.recipient, appliance.uuid, appliance.index
    platform.inject(platform.request(siguuid, request, signtype))


def job(platform, appliance, request, signtype="csr"):
    siguuid = str(uuid.uuid4())
    send(platform, appliance, siguuid, request, signtype)
    return siguuid, platform.response(siguuid)


def answered_once(platform, siguuid):
    """By the time that all answer something later, whoever wanted to answer this has done it."""
    check(len(platform.answers(siguuid, "signature response")) == 1, "a request was answered by more than one")


def certificate_text(result):
    """What may not differ: all but serial number, times to the second and signature."""
    check(result["success"], "a job failed: %s" % result)
    text = openssl(["x509", "-noout", "-subject", "-issuer", "-ext", "basicConstraints,keyUsage,subjectAltName,"
                    "subjectKeyIdentifier,authorityKeyIdentifier"], result["message"].encode()).decode()
    whole = openssl(["x509", "-noout", "-text"], result["message"].encode()).decode()
    return text, re.findall(r"Signature Algorithm: (\S+)", whole)


def same_semantics(platform, offers, csr):
    options = {"days": 30, "subject": {"commonName": "x.example", "organizationName": "Example"},
               "extensions": {"basicConstraints": {"critical": True, "CA": False},
                              "SANs": {"DNS": ["x.example"]}}}
    good = [job(platform, offer, {"csr": csr, "options": options}) for offer in offers]
    check(certificate_text(good[0][1]) == certificate_text(good[1][1]), "the certificates differ")
    for request, signtype in (({"csr": "nothing", "options": {}}, "csr"), ({"csr": csr}, "unheard-of"),
                              ({"database": ""}, "crl")):
        results = [job(platform, offer, request, signtype)[1] for offer in offers]
        for result in results:
            result.pop("siguuid")
        check(results[0] == results[1] and not results[0]["success"], "the refusals differ: %s" % results)
    for siguuid, _ in good:
        answered_once(platform, siguuid)


def numbers_grow(platform, offers):
    """They share no state, and yet no list has a number that an earlier one had."""
    numbers = []
    for offer in offers + offers[::-1]:
        siguuid, result = job(platform, offer, {"days": 9, "database": ""}, "crl")
        check(result["success"], "a list was not delivered: %s" % result)
        status, body = platform.exchange("GET", "/standin/crl/" + siguuid)
        check(status == 200, "the platform has no list")
        text = openssl(["crl", "-noout", "-crlnumber"], json.loads(body)["crl"].encode()).decode()
        numbers.append(int(text.strip().partition("=")[2], 16))
    check(numbers == sorted(set(numbers)), "the numbers of the lists do not grow: %s" % numbers)


def jobs_of(control):
    return sum(ca["jobs_ok"] + ca["jobs_failed"] for ca in ask(control, "status")["data"]["cas"])


def losing_costs_nothing(platform, offers, csr, other_uuid, other):
    """Who is not chosen signs nothing, and may be chosen the next time."""
    before = jobs_of(other)
    chosen = next(offer for offer in offers if offer.uuid != other_uuid)
    siguuid, result = job(platform, chosen, {"csr": csr, "options": {"days": 9}})
    check(result["success"], "a job failed: %s" % result)
    collect(platform, 2, str(uuid.uuid4()))
    answered_once(platform, siguuid)
    check(jobs_of(other) == before, "the appliance that was not chosen worked")


def dying_is_made_good(platform, csr, other_uuid, killed):
    """Killed between its offer and the request: the same request, sent to the other, is answered, and once."""
    siguuid = str(uuid.uuid4())
    offers = collect(platform, 2, siguuid)
    os.kill(int(killed), signal.SIGKILL)
    request = {"csr": csr, "options": {"days": 9}}
    for offer in sorted(offers, key=lambda offer: offer.uuid == other_uuid):
        send(platform, offer, siguuid, request)
    check(platform.response(siguuid)["success"], "the other did not take over")
    return siguuid


def main(directory, ca, killed, other):
    platform = Platform(directory, ca)
    other_uuid = ask(other, "status")["data"]["uuid"]
    csr = make_csr(platform.work)
    offers = collect(platform, 2, str(uuid.uuid4()))
    same_semantics(platform, offers, csr)
    numbers_grow(platform, offers)
    losing_costs_nothing(platform, offers, csr, other_uuid, other)
    siguuid = dying_is_made_good(platform, csr, other_uuid, killed)
    print("== killed", flush=True)
    sys.stdin.readline()
    collect(platform, 2, str(uuid.uuid4()))
    answered_once(platform, siguuid)
    print("== restarted", flush=True)


try:
    main(*sys.argv[1:])
except Failure as failure:
    sys.exit("FAILED: %s" % failure)
