# SPDX-License-Identifier: Apache-2.0
# The bridge's journal against what the platform hears. The chain is checked here by Python's own SHA-256.
# Arguments: hear DIRECTORY CA | first DIRECTORY CA FILE | again DIRECTORY CA FILE | last JOURNAL |
#            check JOURNAL HEARD LAST
import collections
import glob
import hashlib
import json
import os
import sys
import time
import uuid

from bridge_platform import Platform, check, make_csr


def hear(directory, ca):
    """A line for each response on the channel, as it comes: its siguuid."""
    platform = Platform(directory, ca)
    print("ready", flush=True)
    while True:
        platform.listen(60)
        for letter in platform.heard:
            if letter.get("type") == "signature response":
                print(letter["siguuid"], flush=True)
        platform.heard.clear()


def first(directory, ca, file):
    """A job, and what is needed to ask for it again."""
    platform = Platform(directory, ca)
    job = {"csr": make_csr(platform.work), "options": {"days": 9}}
    siguuid = str(uuid.uuid4())
    platform.offer()
    platform.inject(platform.request(siguuid, job))
    result = platform.response(siguuid)
    check(result["success"], "the job failed: %s" % result)
    with open(file, "w") as out:
        json.dump({"siguuid": siguuid, "job": job, "result": result}, out)


def again(directory, ca, file):
    """The same request to another process gets the same answer; another one under its siguuid none."""
    platform = Platform(directory, ca)
    with open(file) as text:
        known = json.load(text)
    platform.offer()
    platform.inject(platform.request(known["siguuid"], known["job"]))
    check(platform.response(known["siguuid"]) == known["result"], "the answer is another one")
    known["job"]["options"]["days"] = 10
    platform.inject(platform.request(known["siguuid"], known["job"]))
    new = str(uuid.uuid4())
    platform.inject(platform.request(new, known["job"]))
    check(platform.response(new)["success"], "a new job failed")
    check(len(platform.answers(known["siguuid"], "signature response")) == 1, "another request was answered")


def lines(journal):
    files = sorted(glob.glob(os.path.join(journal, "*.jsonl")))
    return b"".join(open(file, "rb").read() for file in files).splitlines()


def records(journal):
    """All of them, the chain checked."""
    found, before = [], "0" * 64
    for line in lines(journal):
        record = json.loads(line)
        body = line[:-len(',"hash":"') - 64 - len('"}')]
        check(record["hash"] == hashlib.sha256(body).hexdigest(), "a record has a wrong hash")
        check(record["prev"] == before and record["n"] == len(found) + 1, "a record does not follow")
        before = record["hash"]
        found.append(record)
    return found


def last(journal):
    """The number of whole lines, of a journal that is not written to."""
    print(len(lines(journal)))


def of_event(found, event):
    kept = collections.defaultdict(list)
    for record in found:
        if record["event"] == event:
            kept[record["siguuid"]].append(record)
    return kept


def compare(found, heard, crash):
    """Why the records and what was heard do not agree; empty when they do. crash: records before it."""
    accepted, answered = of_event(found, "accepted"), of_event(found, "answered")
    published = of_event(found, "published")
    forgotten = of_event(found, "forgotten")
    for siguuid in accepted:
        if siguuid in forgotten:
            continue
        # One that was published right before the crash may be published again, never answered anew.
        resumed = any(record["n"] > crash for record in published[siguuid]) and accepted[siguuid][0]["n"] <= crash
        if len(accepted[siguuid]) != 1 or len(answered[siguuid]) != 1:
            return "%s was not accepted once and answered once" % siguuid
        if heard[siguuid] not in ((1, 2) if resumed else (1,)):
            return "%s was heard %d times" % (siguuid, heard[siguuid])
    if set(heard) - set(accepted):
        return "an answer is in no journal"
    serials = [record["serial"] for kept in answered.values() for record in kept if record["success"]]
    if "" in serials or len(set(serials)) != len(serials):
        return "a serial number is missing or came twice"
    return ""


def check_all(journal, file, crash):
    deadline = time.monotonic() + 40
    while True:
        heard = collections.Counter(open(file).read().split()[1:])
        found = records(journal)
        fault = compare(found, heard, int(crash))
        if not fault:
            break
        check(time.monotonic() < deadline, fault)
        time.sleep(0.2)
    failed = [r for kept in of_event(found, "answered").values() for r in kept if not r["success"]]
    check(all(r["answer"].startswith("interrupted") for r in failed), "a job failed for another reason")
    print("%d records, %d answers heard, %d interrupted" % (len(found), sum(heard.values()), len(failed)))


COMMANDS = {"hear": hear, "first": first, "again": again, "last": last, "check": check_all}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])
