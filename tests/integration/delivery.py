# SPDX-License-Identifier: Apache-2.0
# A revocation list whose delivery the appliance does not survive: answered once, as interrupted; the next one is taken.
# Arguments: stand-in's directory, certificate of the CA, process id of the bridge. A line on standard input says that
# the bridge is there again.
import os
import signal
import sys
import time
import uuid

from bridge_platform import Failure, Platform, check

CRL = {"days": 9, "database": ""}


def main(directory, ca, bridge):
    platform = Platform(directory, ca)
    platform.offer()
    platform.fault("deliver", "silence", count=1)
    siguuid = str(uuid.uuid4())
    platform.inject(platform.request(siguuid, CRL, "crl"))
    deadline = time.monotonic() + 30
    while platform.met("deliver") == 0:
        check(time.monotonic() < deadline, "nothing was delivered")
    os.kill(int(bridge), signal.SIGKILL)
    print("killed", flush=True)
    sys.stdin.readline()
    result = platform.response(siguuid)
    check(not result["success"] and "interrupted" in result["message"], "the answer is wrong: %s" % result)
    platform.offer()
    again = str(uuid.uuid4())
    platform.inject(platform.request(again, CRL, "crl"))
    check(platform.response(again)["message"] == "crl uploaded", "the next list was not delivered")
    check(platform.has_crl(again) and not platform.has_crl(siguuid), "the platform has the wrong lists")
    check(len(platform.answers(siguuid, "signature response")) == 1, "a request was answered twice")


try:
    main(*sys.argv[1:])
except Failure as failure:
    sys.exit("FAILED: %s" % failure)
