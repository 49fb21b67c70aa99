# SPDX-License-Identifier: Apache-2.0
# Jobs while PubNub or the platform fails: each one is answered, and once.
# Arguments: control socket, stand-in's directory, certificate of the CA.
import sys
import uuid

from bridge_ask import ask
from bridge_platform import Failure, Platform, check, make_csr

FAULTS = ("400", "403", "503", "html", "reset", "silence")


def send(platform, requests):
    """Publishes requests; their siguuids."""
    sent = {str(uuid.uuid4()): request for request in requests}
    for siguuid, request in sent.items():
        platform.inject(platform.request(siguuid, **request))
    return list(sent)


def settle(platform, siguuids):
    """All results; nothing may come twice, for which one more offer is waited for."""
    results = [platform.response(siguuid) for siguuid in siguuids]
    platform.offer()
    for siguuid in siguuids:
        check(len(platform.answers(siguuid, "signature response")) == 1, "a request was answered twice")
    return results


def all_good(results):
    for result in results:
        check(result["success"], "a job failed: %s" % result)


def survive_subscribe(platform, job):
    for kind in FAULTS:
        platform.fault("subscribe", kind, count=1, for_ms=700)
        platform.offer()
        all_good(settle(platform, send(platform, [job])))
        check(platform.met("subscribe") == 1, "the subscription did not meet %s" % kind)


def keep_waiting_jobs(platform, job, kind, count):
    """Requests that are published while the bridge cannot hear wait in PubNub's buffer."""
    platform.fault("subscribe", kind, count=count)
    platform.offer()
    siguuids = send(platform, [job] * 8)
    all_good(settle(platform, siguuids))
    check(platform.met("subscribe") == count, "the subscription met %s too seldom" % kind)


def survive_publish(platform, job):
    platform.offer()
    platform.fault("publish", ",".join(FAULTS), count=len(FAULTS), for_ms=700)
    all_good(settle(platform, send(platform, [job] * len(FAULTS))))
    check(platform.met("publish") == len(FAULTS), "publishing did not meet each fault")


def jobs_done(control):
    return sum(ca["jobs_ok"] for ca in ask(control, "status")["data"]["cas"])


def survive_disorder(platform, control, job):
    """Duplicates and reversed order, of messages that arrive together: signed once all the same."""
    before = jobs_done(control)
    platform.fault("subscribe", "503", count=1)
    platform.fault("messages", "duplicate,reverse,duplicate", count=3)
    platform.offer()
    all_good([platform.response(s) for s in send(platform, [job] * 8)])
    platform.offer()
    check(platform.met("messages") == 3, "messages did not meet each fault")
    check(jobs_done(control) == before + 8, "a request that came twice was executed twice")


def survive_deliver(platform, crl):
    """A list that the platform cannot take now comes again; only what it refuses is given up."""
    faults = FAULTS + ("refuse",)
    platform.fault("deliver", ",".join(faults), count=len(faults), for_ms=700)
    platform.offer()
    siguuids = send(platform, [crl] * len(faults))
    results = settle(platform, siguuids)
    for siguuid, result in zip(siguuids, results):
        check(result["success"] == platform.has_crl(siguuid), "what is said of a list is wrong: %s" % result)
        check(result["message"], "no cause is given")
    check(platform.met("deliver") == len(faults), "delivery did not meet each fault")
    check(sum(not result["success"] for result in results) == 1, "delivery was not tried again: %s" % results)
    check(settle(platform, send(platform, [crl]))[0]["message"] == "crl uploaded", "the next list was not delivered")


def give_up_delivery(platform, crl):
    """Not longer than the request lives."""
    platform.fault("deliver", "503", for_ms=60000)
    platform.offer()
    siguuid = send(platform, [dict(crl, ttl=3)])[0]
    result = settle(platform, [siguuid])[0]
    check(not result["success"] and "503" in result["message"], "a list was taken in spite of a fault: %s" % result)
    check(platform.met("deliver") > 1, "delivery was not tried again")
    platform.fault("deliver", "503", count=1)
    check(settle(platform, send(platform, [crl]))[0]["success"], "the next list was not delivered")


def main(control, directory, ca):
    platform = Platform(directory, ca)
    job = {"request": {"csr": make_csr(platform.work), "options": {"days": 9}}}
    crl = {"request": {"days": 9, "database": ""}, "signtype": "crl"}
    platform.fault("time", ",".join(FAULTS), count=len(FAULTS), for_ms=700)
    survive_subscribe(platform, job)
    keep_waiting_jobs(platform, job, "html", 3)
    keep_waiting_jobs(platform, job, "reset", 2)
    survive_publish(platform, job)
    survive_disorder(platform, control, job)
    survive_deliver(platform, crl)
    give_up_delivery(platform, crl)


try:
    main(*sys.argv[1:])
except Failure as failure:
    sys.exit("FAILED: %s" % failure)
