# SPDX-License-Identifier: Apache-2.0
# The platform's side of the protocol by stock openssl, Python's zlib and plain HTTPS: what it sends owes nothing to our code.
import http.client
import json
import os
import ssl
import subprocess
import tempfile
import time
import urllib.parse
import uuid
import zlib


class Failure(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failure(text)


def openssl(arguments, data=b""):
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


class Platform:
    """One CA's channel, as a peer of its own: what it publishes is believed, what it hears is kept."""

    def __init__(self, directory, ca):
        self.directory = directory
        self.work = tempfile.mkdtemp(dir=directory)
        self.signer = os.path.join(directory, "signer.pem")
        self.ca = ca
        with open(os.path.join(directory, "url")) as file:
            self.address = file.read().strip().removeprefix("https://")
        with open(os.path.join(directory, "pubnub.json")) as file:
            self.keys = json.load(file)
        self.tls = ssl.create_default_context(cafile=os.path.join(directory, "tls_ca.pem"))
        self.tls.check_hostname = False
        der = openssl(["x509", "-in", ca, "-outform", "der"])
        digest = openssl(["dgst", "-sha1", "-binary"], der)
        self.thumbprint = digest.hex()
        serial = openssl(["x509", "-in", ca, "-noout", "-serial"]).decode().strip()
        self.serial = serial.partition("=")[2].lower()
        self.channel = "chan-" + self.thumbprint
        self.uuid = str(uuid.uuid4())
        self.heard = []
        self.cursor = self.call("GET", self.poll_path())["t"]["t"]

    def poll_path(self, cursor=None):
        path = "/v2/subscribe/%s/%s/0?pnsdk=iothsm-standin&uuid=%s" % (
            self.keys["subscribeKey"], self.channel, self.uuid)
        return path + ("&tt=" + cursor if cursor else "")

    def exchange(self, method, path, body=None, timeout=10):
        connection = http.client.HTTPSConnection(self.address, context=self.tls, timeout=timeout)
        try:
            connection.request(method, path, body)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def call(self, *arguments, **options):
        return json.loads(self.exchange(*arguments, **options)[1])

    def file(self, name, data):
        path = os.path.join(self.work, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    # --- envelopes ---

    def sign(self, content, signer=None, digest="sha256"):
        signer = signer or self.signer
        return openssl(["cms", "-sign", "-signer", signer, "-inkey", signer, "-md", digest, "-outform", "SMIME",
                        "-binary", "-nodetach"], content).decode()

    def seal(self, content, recipient, deflate=True):
        data = zlib.compress(content) if deflate else content
        return self.sign(openssl(["cms", "-encrypt", "-binary", "-aes256", "-outform", "SMIME", "-recip", recipient],
                                 data))

    def read(self, smime, encrypted):
        signer = os.path.join(self.work, "from.pem")
        content = openssl(["cms", "-verify", "-inform", "SMIME", "-binary", "-purpose", "any", "-CAfile", self.ca,
                           "-signer", signer], smime.encode())
        if encrypted:
            content = zlib.decompress(openssl(["cms", "-decrypt", "-inform", "SMIME", "-binary", "-recip", self.signer,
                                               "-inkey", self.signer], content))
        return json.loads(content)

    # --- messages ---

    def inject(self, payload):
        self.inject_text(json.dumps(payload))

    def inject_text(self, text):
        answer = self.call("POST", "/standin/inject/%s?uuid=%s" % (self.channel, self.uuid), text)
        check(answer["success"], "the stand-in does not take a payload")

    def fault(self, place, kind, count=0, for_ms=0):
        body = {"place": place, "kind": kind, "count": count, "for_ms": for_ms}
        check(self.call("POST", "/standin/fault", json.dumps(body))["success"], "the fault is unknown")

    def met(self, place):
        return self.call("GET", "/standin/fault/" + place)["met"]

    def has_crl(self, siguuid):
        return self.exchange("GET", "/standin/crl/" + siguuid)[0] == 200

    def listen(self, seconds):
        try:
            reply = self.call("GET", self.poll_path(self.cursor), timeout=seconds)
        except TimeoutError:
            return
        self.cursor = reply["t"]["t"]
        self.heard += [m["d"] for m in reply["m"] if m["i"] != self.uuid and isinstance(m["d"], dict)]

    def answers(self, siguuid, kind):
        return [d for d in self.heard if d.get("siguuid") == siguuid and d.get("type") == kind]

    def wait(self, siguuid, kind, count=1, seconds=30):
        deadline = time.monotonic() + seconds
        while len(self.answers(siguuid, kind)) < count:
            check(time.monotonic() < deadline, "no %s came" % kind)
            self.listen(deadline - time.monotonic() + 0.1)
        return self.answers(siguuid, kind)[-1]

    def solicit_content(self, siguuid):
        return json.dumps({"serial": self.serial, "thumbprint": self.thumbprint, "siguuid": siguuid}).encode()

    def solicit(self, siguuid):
        return {"type": "solicit signature", "uuid": None, "ttl": 30, "smime": self.sign(self.solicit_content(siguuid))}

    def offer(self):
        """Solicits and takes the offer: where requests go from now on."""
        siguuid = str(uuid.uuid4())
        self.inject(self.solicit(siguuid))
        letter = self.wait(siguuid, "services offerred")
        offer = self.read(letter["smime"], False)
        check(offer["siguuid"] == siguuid and letter["uuid"] == self.uuid, "the offer is for another")
        os.replace(os.path.join(self.work, "from.pem"), os.path.join(self.work, "channel.pem"))
        self.recipient = os.path.join(self.work, "channel.pem")
        self.appliance, self.index = offer["uuid"], offer["caindex"]
        return letter

    def request(self, siguuid, request, signtype="csr", **unsigned):
        content = json.dumps({"siguuid": siguuid, "request": request}).encode()
        return self.sealed(content, signtype=signtype, siguuid=siguuid, **unsigned)

    def sealed(self, content, **unsigned):
        """A request around any content; unsigned fields of None are left out."""
        payload = {"type": "signature request", "uuid": self.appliance, "caindex": self.index, "signtype": "csr",
                   "ttl": 30, "smime": self.seal(content, self.recipient)}
        payload.update(unsigned)
        return {name: value for name, value in payload.items() if value is not None}

    def response(self, siguuid, count=1, seconds=30):
        letter = self.wait(siguuid, "signature response", count, seconds)
        result = self.read(letter["smime"], True)
        check(result["siguuid"] == siguuid, "the response is for another request")
        return result


def make_csr(directory):
    key = os.path.join(directory, "leaf.key")
    openssl(["genpkey", "-quiet", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key])
    return openssl(["req", "-new", "-key", key, "-subj", "/CN=leaf.example.com"]).decode()
