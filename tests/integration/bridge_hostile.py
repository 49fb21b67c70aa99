# SPDX-License-Identifier: Apache-2.0
# What strangers, and a platform that errs, can publish to a bridge: each is answered or passed over as it must be.
# Arguments: control socket, stand-in's directory, certificates of the CA and of another one on the same appliance.
import json
import os
import sys
import uuid

from bridge_ask import ask
from bridge_platform import Failure, Platform, check, make_csr, openssl

# Python reads its own hostile texts too.
sys.setrecursionlimit(20000)

MALFORMED = [
    None, 0, -1.5, True, "text", "solicit signature", [], [[]], {}, {"type": None}, {"type": "solicit signature"},
    {"type": "signature request", "smime": None}, {"type": "solicit signature", "smime": 1},
    {"type": "solicit signature", "smime": ["x"]}, {"type": 7, "smime": "x"}, {"type": "unknown", "smime": "x"},
    {"type": "solicit signature", "uuid": 7, "smime": "x"}, {"type": "solicit signature", "uuid": "", "smime": "x"},
    {"type": "signature request", "signtype": {}, "smime": "x"}, {"type": "solicit signature", "uuid": "u" * 5000,
                                                                  "smime": "x"},
]
UNVERIFIED = [
    {"type": "solicit signature", "smime": smime, "ttl": ttl} for smime, ttl in [
        ("", None), ("x", -5), ("MIME-Version: 1.0\n\n", {}), ("Content-Type: application/pkcs7-mime\n\nMIIB\n", "abc"),
        ("\ufffe\uffff\n" * 1000, 1e300), ("A" * 1000000, 5)]
]


def deep(levels):
    return "[" * levels + "]" * levels


def foreign_signer(platform):
    key = os.path.join(platform.work, "foreign.pem")
    openssl(["req", "-x509", "-newkey", "rsa:2048", "-noenc", "-keyout", key, "-out", key + ".crt", "-days", "2",
             "-subj", "/CN=IoT HSM Message Verification"])
    with open(key, "a") as file, open(key + ".crt") as certificate:
        file.write(certificate.read())
    return key


def tampered(payload):
    smime = payload["smime"]
    middle = smime.index("\n\n") + 200
    changed = "B" if smime[middle] == "A" else "A"
    return dict(payload, smime=smime[:middle] + changed + smime[middle + 1:])


def silent_cases(platform, other, csr):
    """Pairs of what the bridge must count and a payload; no answer may come to any of them."""
    new = lambda: str(uuid.uuid4())
    solicit = platform.solicit(new())
    content = platform.solicit_content(new())
    yield from (("malformed", payload) for payload in MALFORMED)
    yield from (("unverified", payload) for payload in UNVERIFIED)
    yield "unverified", dict(solicit, smime=platform.sign(content, foreign_signer(platform)))
    yield "unverified", dict(solicit, smime=platform.sign(content, os.path.join(platform.directory, "tls.pem")))
    yield "unverified", dict(solicit, smime=platform.sign(content, digest="sha1"))
    yield "unverified", tampered(solicit)
    yield "malformed", dict(platform.solicit(new()), type="unknown")
    yield "foreign", dict(platform.solicit(new()), uuid=new())
    yield "foreign", dict(platform.solicit(new()), type="services offerred")
    yield "siguuid", dict(platform.solicit(new()), siguuid=new())
    yield "unknown_ca", dict(solicit, smime=platform.sign(content.replace(platform.serial.encode(), b"01")))
    yield "unknown_ca", dict(solicit, smime=platform.sign(content.replace(platform.thumbprint.encode(), b"00" * 20)))
    for text in (b"null", b"[]", b"7", b"{", b'{"serial":1,"thumbprint":2,"siguuid":3}', deep(500).encode(), b""):
        yield "shape", dict(solicit, smime=platform.sign(text))
    good = platform.request(new(), {"csr": csr, "options": {"days": 9}})
    yield "shape", dict(good, type="solicit signature")
    yield "foreign", dict(good, uuid=new())
    yield "siguuid", dict(good, siguuid=new())
    yield "unverified", tampered(good)
    yield "unreadable", dict(solicit, type="signature request", uuid=platform.appliance, caindex=platform.index)
    plain = json.dumps({"siguuid": new(), "request": {"csr": csr}}).encode()
    yield "unreadable", dict(good, siguuid=None, smime=platform.seal(plain, platform.recipient, deflate=False))
    yield "unreadable", dict(good, siguuid=None, smime=platform.seal(plain, other))
    yield "unreadable", dict(good, siguuid=None, smime=platform.sign(plain))
    for text in (b"null", b"[]", b"{", b'{"siguuid":"x"}', b'{"request":{}}', b'{"siguuid":"x","request":[]}',
                 deep(500).encode(), b"x" * 3000000):
        yield "unreadable", platform.sealed(text)


def totals(control):
    status = ask(control, "status")["data"]
    jobs = [(ca["jobs_ok"], ca["jobs_failed"]) for ca in status["cas"]]
    del status["refused"]["own"]  # its own offers come back to it as well
    return status["refused"], sum(ok for ok, _ in jobs), sum(failed for _, failed in jobs)


def pass_over(platform, control, other, csr):
    refused, ok, failed = totals(control)
    expected = dict(refused)
    platform.heard.clear()
    for levels in (17, 100, 2000):
        platform.inject_text(deep(levels))
        platform.inject_text('{"type":"solicit signature","smime":%s}' % deep(levels))
    platform.inject_text(json.dumps("x" * (1 << 20)))
    platform.inject({"type": "solicit signature", "smime": "\u0000"})
    platform.inject({"type": "solicit signature", "smime": "A" * (1 << 20)})
    for kind, payload in silent_cases(platform, other, csr):
        expected[kind] += 1
        platform.inject(payload)
    # The bridge takes messages in order: when this is answered, all before it are settled.
    letter = platform.offer()
    answered = [message for message in platform.heard if message.get("uuid") == platform.uuid]
    check(answered == [letter], "something was answered: %s" % json.dumps(answered)[:500])
    check(totals(control) == (expected, ok, failed), "counted %s, expected %s" % (totals(control), expected))


def failing_requests(platform, other_index, csr):
    """Pairs of a request that can be read and what the refusal must say."""
    good = {"csr": csr, "options": {"days": 9}}
    no_ca = "Failed to find CA on HSM"
    for index in (other_index, 999, -1, 1 << 62, "0", None):
        yield good, {"caindex": index}, no_ca
    yield dict(good, ca={"serial": "01", "thumbprint": "02"}), {}, "another CA"
    yield dict(good, ca=7), {}, "another CA"
    for signtype in ("xyz", "CSR", "", None, "\u00e4\n" * 20):
        yield good, {"signtype": signtype}, ""
    for request, signtype in (({}, "csr"), ({"csr": None}, "csr"), ({"csr": 7, "options": []}, "csr"),
                              ({"csr": "x", "options": None}, "csr"), ({"database": "x"}, "crl"), ({}, "crl"),
                              ({"days": {}, "database": 7}, "crl"), ({}, "cms"), ({"options": "x"}, "cms"),
                              ({"csr": csr[:200], "options": {"days": 9}}, "csr")):
        yield request, {"signtype": signtype}, ""


def refuse(platform, control, other_index, csr):
    _, ok, failed = totals(control)
    count = 0
    for request, unsigned, text in failing_requests(platform, other_index, csr):
        siguuid = str(uuid.uuid4())
        platform.inject(platform.request(siguuid, request, **unsigned))
        result = platform.response(siguuid)
        check(result["success"] is False and text in result["message"], "%s %s: %s" % (request, unsigned, result))
        check(result["message"] and "\n" not in result["message"], "the cause is no line: %s" % result)
        count += 1
    check(totals(control)[1:] == (ok, failed + count), "jobs were counted otherwise")


def repeat(platform, control, csr):
    refused, ok, failed = totals(control)
    siguuid = str(uuid.uuid4())
    request = {"csr": csr, "options": {"days": 9}}
    payload = platform.request(siguuid, request)
    results = []
    for count, again in enumerate((payload, payload, platform.request(siguuid, request)), 1):
        platform.inject(again)
        results.append(platform.response(siguuid, count))
    check(results[0]["success"], "the good request failed: %s" % results[0])
    check(results == [results[0]] * 3, "a repeated request got another answer")
    platform.inject(platform.request(siguuid, {"csr": csr, "options": {"days": 10}}))
    platform.offer()
    check(len(platform.answers(siguuid, "signature response")) == 3, "another body under a known siguuid was answered")
    after = totals(control)
    check(after[1:] == (ok + 1, failed), "a repeated request was executed again")
    check(after[0]["conflict"] == refused["conflict"] + 1, "the conflict was not counted")


def repeat_solicit(platform):
    siguuid = str(uuid.uuid4())
    question = platform.solicit(siguuid)
    offers = []
    for count in (1, 2):
        platform.inject(question)
        offers.append(platform.wait(siguuid, "services offerred", count))
    check(offers[0] == offers[1], "the same solicitation got another offer")


def main(control, directory, ca, other):
    platform = Platform(directory, ca)
    csr = make_csr(platform.work)
    platform.offer()
    pass_over(platform, control, other, csr)
    other_index = Platform(directory, other)
    other_index.offer()
    refuse(platform, control, other_index.index, csr)
    repeat(platform, control, csr)
    repeat_solicit(platform)


try:
    main(*sys.argv[1:])
except Failure as failure:
    sys.exit("FAILED: %s" % failure)
